package io.maseparation.parallel.calibrate;

import io.maseparation.moe.segments.OperationCost;
import java.util.function.BooleanSupplier;
import java.util.function.ObjDoubleConsumer;

/** Times tasks of some sizes on a device, again and again. */
interface TaskProbe extends AutoCloseable {
    /**
     * Times every size once more, small ones first.
     *
     * @param ended whether there is no time for larger ones; the smallest is measured anyway
     */
    void measure(BooleanSupplier ended);

    /** Forgets what was measured, such as while the JVM compiled. */
    void forget();

    /** Gives every task that was measured to a receiver, with its mean seconds. */
    void forEachTask(ObjDoubleConsumer<OperationCost> receiver);

    @Override
    void close();
}
