package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is to happen, in order. */
class EventQueueTest {
    private record Event(double time, boolean last, int number) {}

    /** By time; of one time what is last after all else, and otherwise as added, also while others happen. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 70, 1000})
    void eventsHappenInOrder(int n) {
        SplittableRandom random = new SplittableRandom(n);
        EventQueue queue = new EventQueue();
        List<Event> waiting = new ArrayList<>();
        List<Integer> happened = new ArrayList<>();
        Comparator<Event> order = Comparator.comparingDouble(Event::time)
                .thenComparing(Event::last)
                .thenComparingInt(Event::number);
        double now = 0;
        for (int number = 0; number < n || !queue.isEmpty(); number++) {
            if (number < n) {
                Event event = new Event(now + random.nextInt(4), random.nextBoolean(), number);
                waiting.add(event);
                queue.add(event.time(), event.last(), time -> {
                    assertThat(time).isEqualTo(event.time());
                    happened.add(event.number());
                });
            }
            if (number >= n || random.nextInt(3) == 0) {
                waiting.sort(order);
                Event next = waiting.removeFirst();
                now = queue.nextTime();
                queue.poll().accept(now);
                assertThat(happened.getLast()).isEqualTo(next.number());
            }
        }
        assertThat(happened).hasSize(n);
    }
}
