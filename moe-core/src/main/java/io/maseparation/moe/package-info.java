/**
 * The model: configurations, checkpoints, weights, presets, tokenizer, sampling, and the float64 reference that every
 * result is held against. Nothing here knows a device's task graphs or a layout over several ranks.
 */
package io.maseparation.moe;
