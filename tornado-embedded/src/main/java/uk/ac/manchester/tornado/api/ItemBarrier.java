package uk.ac.manchester.tornado.api;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;

/** A barrier that notices when some of its work-items can never arrive, where a GPU would hang or go wrong. */
final class ItemBarrier {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition open = lock.newCondition();
    private final int items;
    private final String what;
    private int waiting;
    private int left;
    private long generation;
    private boolean failed;

    ItemBarrier(int items, String what) {
        this.items = items;
        this.what = what;
    }

    void await() {
        lock.lock();
        try {
            check();
            if (++waiting == items) {
                waiting = 0;
                generation++;
                open.signalAll();
                return;
            }
            long mine = generation;
            while (mine == generation) {
                check();
                open.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    private void check() {
        if (failed) {
            throw new TornadoRuntimeException("another work-item of the group failed");
        }
        if (left > 0) {
            throw new TornadoRuntimeException(
                    "divergence: some work-items wait at " + what + " that others never reach");
        }
    }

    void leave() {
        lock.lock();
        try {
            left++;
            open.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void fail() {
        lock.lock();
        try {
            failed = true;
            open.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
