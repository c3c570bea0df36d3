package io.maseparation.parallel.comm.mpi;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Short rests of a thread. Linux makes each some 50 µs longer, so that timers end together, unless it is told not to. */
@SuppressWarnings("restricted")
final class ExactRests {
    /** PR_SET_TIMERSLACK. */
    private static final int SET_TIMER_SLACK = 29;
    private static final long LONGER_BY_NANOS = 1_000;

    private ExactRests() {}

    /** Has rests of the calling thread take as long as they are asked for, where the system can. */
    static void ofThisThread() {
        Linker linker = Linker.nativeLinker();
        Optional<MemorySegment> prctl = System.getProperty("os.name").equals("Linux")
                ? linker.defaultLookup().find("prctl")
                : Optional.empty();
        if (prctl.isEmpty()) {
            return;
        }
        try {
            int _ = (int) linker.downcallHandle(prctl.get(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG),
                    Linker.Option.firstVariadicArg(1)).invokeExact(SET_TIMER_SLACK, LONGER_BY_NANOS);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
