package io.maseparation.bench.peers;

import io.maseparation.kernels.OpCost;
import java.util.function.Function;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * An operation of this project that was added to a graph, and how peers do the same.
 *
 * @param cost what an execution has to move and to compute
 * @param result where this project's operation leaves what it computes
 * @param tolerance root mean square of a peer's differences from that over its own, at most
 * @param peers the operation by a peer; fails with UnsupportedOperationException if the peer has none like that, and
 *     with IllegalStateException if its library is not there
 */
record PeerCase(OpCost cost, FloatArray result, double tolerance, Function<Peer, Contender> peers) {}
