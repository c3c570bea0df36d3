package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class TransfersTest {
    private final List<String> begun = new ArrayList<>();
    private final Queue<Transfers.Ended> running = new ArrayDeque<>();

    private Transfers.Begin transfer(String name) {
        return (now, ended) -> {
            begun.add(name);
            running.add(ended);
        };
    }

    @Test
    void aRanksTransfersBeginInTheOrderInWhichTheyCame() {
        Transfers transfers = new Transfers(2);
        transfers.add(new int[] {0}, 0, transfer("first"));
        transfers.add(new int[] {0}, 0, transfer("second"));
        transfers.add(new int[] {0, 1}, 0, transfer("together"));
        transfers.add(new int[] {1}, 0, transfer("behind"));
        transfers.add(new int[] {0}, 0, transfer("third"));
        assertThat(begun).containsExactly("first");
        running.remove().at(1);
        assertThat(begun).containsExactly("first", "second");
        running.remove().at(2);
        assertThat(begun).containsExactly("first", "second", "together");
        running.remove().at(3);
        assertThat(begun).containsExactlyInAnyOrder("first", "second", "together", "behind", "third");
    }

    @Property(tries = 100)
    void everyTransferBeginsOnceAndAloneOnItsStreams(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int ranks = 1 + random.nextInt(5);
        Transfers transfers = new Transfers(ranks);
        boolean[] busy = new boolean[ranks];
        int[] count = new int[40];
        List<Integer> lastOfRank = new ArrayList<>(IntStream.range(0, ranks).mapToObj(r -> -1).toList());
        List<Runnable> ends = new ArrayList<>();
        for (int n = 0; n < count.length; n++) {
            int number = n;
            int[] members = IntStream.range(0, ranks).filter(r -> random.nextBoolean()).toArray();
            transfers.add(members, n, (now, ended) -> {
                count[number]++;
                for (int rank : members) {
                    assertThat(busy[rank]).isFalse();
                    busy[rank] = true;
                    assertThat(lastOfRank.set(rank, number)).isLessThan(number);
                }
                ends.add(() -> {
                    for (int rank : members) {
                        busy[rank] = false;
                    }
                    ended.at(now);
                });
            });
            if (!ends.isEmpty() && random.nextBoolean()) {
                ends.remove(random.nextInt(ends.size())).run();
            }
        }
        while (!ends.isEmpty()) {
            ends.remove(random.nextInt(ends.size())).run();
        }
        assertThat(count).containsOnly(1);
    }
}
