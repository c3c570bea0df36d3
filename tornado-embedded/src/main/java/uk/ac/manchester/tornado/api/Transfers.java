package uk.ac.manchester.tornado.api;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** The declared transfers of a graph. Two arrays are the same only if they are one object. */
final class Transfers {
    /** Transfer mode of the arrays that go to the device; the last declaration counts. */
    final IdentityHashMap<TornadoNativeArray, Integer> in = new IdentityHashMap<>();

    /** Arrays that come back at every execution. */
    final Set<TornadoNativeArray> out = identitySet();

    /** Arrays that stay on the device, for a graph executed later or for a transfer asked for. */
    final Set<TornadoNativeArray> stay = identitySet();

    /** Arrays taken over on the device. */
    final Set<TornadoNativeArray> consumed = identitySet();

    /** Those of them that were declared with the name of a graph, by that name. */
    final Map<String, List<TornadoNativeArray>> consumedByName = new HashMap<>();

    void consume(String from, TornadoNativeArray array) {
        consumed.add(array);
        consumedByName.computeIfAbsent(from, n -> new ArrayList<>()).add(array);
    }

    /** Whether a program may rely on what the array's copy holds when the graph is executed again. */
    boolean keeps(TornadoNativeArray array) {
        Integer mode = in.get(array);
        return (mode != null && mode != DataTransferMode.UNDER_DEMAND) || persists(array);
    }

    /** Whether any transfer names the array. */
    boolean names(TornadoNativeArray array) {
        return in.containsKey(array) || out.contains(array) || persists(array);
    }

    /** Whether the array's copy may be taken over by another graph. */
    boolean persists(TornadoNativeArray array) {
        return stay.contains(array) || consumed.contains(array);
    }

    private static Set<TornadoNativeArray> identitySet() {
        return Collections.newSetFromMap(new IdentityHashMap<>());
    }
}
