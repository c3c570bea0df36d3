/**
 * One rank at work: its thread, its program step by step, its messages, its sampling and its log. What concerns all
 * ranks of a run together belongs to {@code execute}.
 */
package io.maseparation.parallel.execute.rank;
