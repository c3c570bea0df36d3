/**
 * Bodies for the cores of this machine, written with the Vector API over the memory that the arrays already have. Code
 * that must compile for a device does not belong here.
 */
package io.maseparation.kernels.host;
