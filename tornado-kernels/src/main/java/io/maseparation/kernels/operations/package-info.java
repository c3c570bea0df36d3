/**
 * The operations as users add them to a task graph: each checks its arguments, asks the target which body suits and
 * adds that body's task. The code of the bodies themselves does not belong here.
 */
package io.maseparation.kernels.operations;
