package io.maseparation.parallel.calibrate;

import java.util.List;

/**
 * What the host adds to a segment that runs on a device with memory of its own: {@code start + tasks × launch}.
 * TornadoVM 5.2 writes each task's context to the device before it launches the task, and waits for everything before
 * it, so launches do not overlap with kernels.
 *
 * @param startSeconds time to start a segment and to learn that it has ended
 * @param launchSeconds time to launch a task
 */
record HostFit(double startSeconds, double launchSeconds) {

    /**
     * One segment.
     *
     * @param tasks tasks it has
     * @param seconds time it takes besides them
     * @param whole time of the segment with its tasks
     */
    record Sample(int tasks, double seconds, double whole) {}

    /**
     * The fit with the least squared error, where errors count as shares of the whole segment, since the uncertainty
     * of a measurement grows with its length.
     */
    static HostFit of(List<Sample> samples) {
        double w = 0;
        double n = 0;
        double nn = 0;
        double t = 0;
        double nt = 0;
        for (Sample s : samples) {
            double weight = 1 / (s.whole() * s.whole());
            w += weight;
            n += weight * s.tasks();
            nn += weight * s.tasks() * s.tasks();
            t += weight * s.seconds();
            nt += weight * s.tasks() * s.seconds();
        }
        double determinant = w * nn - n * n;
        // If all segments have equally many tasks, start and launch cannot be separated.
        double launch = determinant > 1e-9 * w * nn ? (w * nt - n * t) / determinant : nt / nn;
        double start = (t - launch * n) / w;
        if (start < 0) {
            return new HostFit(0, Math.max(0, nt / nn));
        }
        return launch < 0 ? new HostFit(Math.max(0, t / w), 0) : new HostFit(start, launch);
    }
}
