package io.maseparation.parallel.comm;

import io.maseparation.parallel.layout.Tensor;

/**
 * Says which message this is, so that a receiver can take messages in the order it needs them.
 *
 * @param from sending rank
 * @param tensor what it carries
 * @param layer layer, or another index that tells apart tensors of one kind within a step
 * @param phase part of a collective; 0 for a plain send
 * @param microBatch micro-batch
 * @param step step since the start of the run
 */
public record MessageKey(int from, Tensor tensor, int layer, int phase, int microBatch, int step) {}
