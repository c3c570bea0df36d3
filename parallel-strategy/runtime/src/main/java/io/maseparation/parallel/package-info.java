/**
 * What an application embeds: open a {@link io.maseparation.parallel.Model} and run a
 * {@link io.maseparation.parallel.Generation}. Only these entry points belong here; what they are made of stands in the
 * packages below.
 */
package io.maseparation.parallel;
