package io.maseparation.parallel.execute.rank;

/**
 * Where a sequence's keys and values live in the cache of its group's ranks.
 *
 * @param base first cache position
 * @param capacity positions reserved, which are those of the whole request
 */
public record KvRegion(int base, int capacity) {}
