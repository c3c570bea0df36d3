package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeartbeatTest {
    @Test
    void busyRanksAreSaidInWords() {
        Heartbeat heartbeat = new Heartbeat(7);
        assertThat(heartbeat.busyRanks()).isEqualTo("all ranks wait for each other");
        heartbeat.starts(0, new Op.Recv(List.of(2), Tensor.COMBINE, 1));
        heartbeat.starts(1, new Op.Send(List.of(2, 3), Tensor.DISPATCH, 0));
        heartbeat.starts(2, new Op.Compute("experts1"));
        heartbeat.starts(3, new Op.Sample());
        heartbeat.starts(5, new Op.AllReduce(List.of(5, 6), Tensor.PARTIAL, 3));
        heartbeat.starts(6, new Op.AllToAll(List.of(5, 6), Tensor.DISPATCH, 2));
        assertThat(heartbeat.busyRanks()).isEqualTo("rank 0 is receiving combine 1 from rank 2, "
                + "rank 1 is sending dispatch 0 to ranks 2, 3, rank 2 is running experts1, rank 3 is sampling, "
                + "rank 5 is summing partial 3 with ranks 5, 6, rank 6 is exchanging dispatch 2 with ranks 5, 6");
    }
}
