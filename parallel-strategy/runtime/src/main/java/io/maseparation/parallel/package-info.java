/**
 * What an application embeds: open a {@link io.maseparation.parallel.Model} and run a
 * {@link io.maseparation.parallel.Generation}. Only these entry points belong here; their building blocks are in the
 * packages below.
 */
package io.maseparation.parallel;
