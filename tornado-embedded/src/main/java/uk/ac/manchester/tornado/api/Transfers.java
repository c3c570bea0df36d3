package uk.ac.manchester.tornado.api;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** The declared transfers of a graph. Arrays have no equals, so identity is what counts. */
final class Transfers {
    final Set<Object> firstIn = identitySet();
    final Set<Object> everyIn = identitySet();
    final Set<Object> everyOut = identitySet();
    final Set<Object> demandOut = identitySet();
    final Set<Object> consumed = identitySet();
    final Set<Object> persisted = identitySet();

    private static Set<Object> identitySet() {
        return Collections.newSetFromMap(new IdentityHashMap<>());
    }
}
