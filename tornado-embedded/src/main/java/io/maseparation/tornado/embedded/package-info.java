/**
 * Devices of plain JVM threads behind TornadoVM's API. The packages {@code uk.ac.manchester.tornado.api} of this module
 * hold names and signatures of TornadoVM 5.2 only, and never stand on a class path beside the real ones.
 *
 * <p>A device is <em>shared</em> (its memory is the host's; transfers do nothing, arrays are held once) or
 * <em>strict</em> (every graph of a plan has copies of its own, which the declared transfers alone connect with the
 * host). Strict devices are for tests: what they let pass, TornadoVM runs.
 *
 * <p>Where a strict device is stricter than TornadoVM 5.2:
 * <ul>
 * <li>an array that is read without having been transferred or written is NaN, or for integers no index; TornadoVM
 * sends it silently at the first execution;
 * <li>what a copy holds is gone after the execution unless something declares it to stay (a copied input, an output
 * that can be asked for, persisted, consumed); TornadoVM happens to keep it;
 * <li>consuming what the graph executed before did not persist fails with a message, there with a NullPointerException;
 * <li>a result that is asked for where no selected graph has it is an error; TornadoVM does nothing.
 * </ul>
 *
 * <p>And where it cannot be as strict: TornadoVM does not send an array to a task that it takes for one that only
 * writes it, so what such a task leaves unwritten is garbage there, and the host's values here. Numbers passed to a
 * task are constants, types of arguments are not checked against a kernel's, and any Java runs as a kernel.
 *
 * <p>On both, tasks with a KernelContext run as groups of work-items on all processors, with the limits of a GPU (1024
 * work-items and 48 KiB of local memory per group, warps of 32). Divergence at a barrier or a warp operation is an
 * error. Tasks with parallel loops run as the loops they are, in order.
 */
package io.maseparation.tornado.embedded;
