/**
 * What the commands print, as tables and as JSON. Nothing here runs or simulates.
 */
package io.maseparation.parallel.cli.results;
