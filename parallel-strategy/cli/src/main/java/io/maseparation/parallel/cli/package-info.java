/**
 * The commands: flags in, results on standard output, one line for what went wrong. Whatever an application could want
 * as well belongs to the library.
 */
package io.maseparation.parallel.cli;
