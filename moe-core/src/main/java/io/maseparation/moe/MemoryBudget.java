package io.maseparation.moe;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.LargePages;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** Whether memory outside the heap can be had, asked before it is allocated. */
public final class MemoryBudget {
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    private static final Path OWN_STATUS = Path.of("/proc/self/status");
    private static final List<Path> CGROUP_STATS =
            List.of(Path.of("/sys/fs/cgroup/memory.stat"), Path.of("/sys/fs/cgroup/memory/memory.stat"));

    private static final int COLLECTIONS = 2;

    /** For the cleaners that run after a collection. */
    private static final long CLEANING_NANOS = 200_000_000;

    private MemoryBudget() {}

    /**
     * Checks that the machine (or its container) and the JVM's limit have room.
     *
     * @param bytes bytes needed outside the heap
     * @param what what they are for, as a noun: "the weights of seed"
     * @param hint what lowers the need, such as a flag
     * @throws ModelException naming need, what is free and the hint, or the JVM's flag where that is the limit
     */
    public static void require(long bytes, String what, String hint) {
        for (int i = 0; i < COLLECTIONS && (bytes > available() || bytes > directLimit() - directUsed()); i++) {
            freeGarbage();
        }
        require(bytes, what, hint, available(), directLimit(), directUsed());
    }

    /**
     * Frees the arrays that nobody refers to, and returns when no more are being freed. The garbage collector does
     * that, which memory outside the heap does not wake.
     */
    public static void freeGarbage() {
        System.gc();
        long before;
        // Large arrays go one after the other, each with all of its pages.
        do {
            before = directUsed();
            LockSupport.parkNanos(CLEANING_NANOS);
        } while (directUsed() < before);
    }

    static void require(long bytes, String what, String hint, long available, long limit, long used) {
        if (bytes > available) {
            throw new ModelException("not enough memory for %s: it needs %s, %s are free; %s"
                    .formatted(what, Text.bytes(bytes), Text.bytes(available), hint));
        }
        if (bytes > limit - used) {
            long gib = ((used + bytes) >> 30) + 2;
            throw new ModelException(("not enough memory for %s: it needs %s outside the heap, the JVM allows %s more; "
                    + "start it with -XX:MaxDirectMemorySize=%dg or %s")
                    .formatted(what, Text.bytes(bytes), Text.bytes(Math.max(0, limit - used)), gib, hint));
        }
    }

    /**
     * {@return bytes that can be allocated without swapping, by the host and, where there is one, the container's
     * limit} What this process's arrays will take as they are filled is not among them.
     */
    public static long available() {
        return Math.max(0, free() - promised());
    }

    /**
     * Bytes of arrays whose pages the system has not given out yet, since nobody has touched them; rather too few, as
     * pages of anything else but the heap count as theirs.
     */
    private static long promised() {
        long resident = statistic(OWN_STATUS, "RssAnon:", 1024);
        if (resident < 0) {
            return 0;
        }
        resident += Math.max(0, statistic(OWN_STATUS, "VmSwap:", 1024));
        return promised(
                LargePages.bytes(),
                resident,
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }

    /**
     * Bytes of arrays that have no pages yet.
     *
     * @param arrays bytes of all arrays
     * @param resident bytes of the process that have pages
     * @param heap bytes of these that are the heap's
     */
    static long promised(long arrays, long resident, long heap) {
        return Math.max(0, arrays - Math.max(0, resident - heap));
    }

    private static long free() {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        long hostTotal = statistic(MEMINFO, "MemTotal:", 1024);
        long hostAvailable = statistic(MEMINFO, "MemAvailable:", 1024);
        long total = system.getTotalMemorySize();
        if (hostAvailable >= 0 && total >= hostTotal) {
            return hostAvailable;
        }
        // The bean knows the container's limit, but counts cached files as used.
        long free = system.getFreeMemorySize();
        for (Path stats : CGROUP_STATS) {
            free += Math.max(0, statistic(stats, "inactive_file", 1));
        }
        free = Math.min(free, total);
        return hostAvailable < 0 ? free : Math.min(free, hostAvailable);
    }

    /** {@return bytes that arrays, arenas and direct buffers may hold together ({@code -XX:MaxDirectMemorySize})} */
    public static long directLimit() {
        HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        long flag = vm == null ? 0 : Long.parseLong(vm.getVMOption("MaxDirectMemorySize").getValue());
        return flag > 0 ? flag : Runtime.getRuntime().maxMemory();
    }

    private static long directUsed() {
        return LargePages.bytes() + ArrayMemory.bytes()
                + ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum();
    }

    /** The number after a name at the start of a line, times a unit; -1 if the file or the line is not there. */
    private static long statistic(Path file, String name, long unit) {
        if (!Files.isReadable(file)) {
            return -1;
        }
        try {
            for (String line : Files.readAllLines(file)) {
                String[] words = line.trim().split("\\s+", -1);
                if (words.length >= 2 && words[0].equals(name)) {
                    return Long.parseLong(words[1]) * unit;
                }
            }
        } catch (IOException | NumberFormatException e) {
            System.getLogger(MemoryBudget.class.getName()).log(System.Logger.Level.DEBUG, "reading " + file, e);
        }
        return -1;
    }
}
