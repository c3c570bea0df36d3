/**
 * The task graphs of one rank: its shard of the weights, its buffers, and the segments (attention, experts, LM head …)
 * that a plan runs. Which rank holds what, and what ranks send each other, is decided elsewhere.
 */
package io.maseparation.moe.segments;
