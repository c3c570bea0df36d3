package io.maseparation.bench.peers;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The time that this process had a core, which Java's own clocks count in hundredths of a second. Linux. */
final class ProcessClock {
    private static final int CLOCK_PROCESS_CPUTIME_ID = 2;

    private final MemorySegment time = Arena.global().allocate(ValueLayout.JAVA_LONG, 2);
    private final Runnable read =
            NativeLibrary.system().bind("clock_gettime", CLOCK_PROCESS_CPUTIME_ID, time);

    /** Nanoseconds of all threads together, those of the JVM among them. */
    long nanos() {
        read.run();
        return time.get(ValueLayout.JAVA_LONG, 0) * 1_000_000_000 + time.get(ValueLayout.JAVA_LONG, 8);
    }
}
