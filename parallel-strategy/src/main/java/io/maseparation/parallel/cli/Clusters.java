package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.*;
import io.maseparation.parallel.simulate.RoutingModel;
import java.util.*;
import java.util.stream.IntStream;

/** TEMPORARY. */
final class Clusters {
    static Cluster of(String name) {
        int n = switch (name) { case "a100x16" -> 16; case "a100x8" -> 8; case "h200x2" -> 2; case "a100x4" -> 4; default -> throw new UsageException("unknown cluster " + name); };
        DeviceKind k=new DeviceKind("a100",80e9,2.039e12,312e12,0.8,0.7,10e-6,2e-6,5e-6,2,Map.of());
        return new Cluster(name,"",List.of(k),IntStream.range(0,n).mapToObj(i->new Cluster.Device(0,i/8)).toList(),new Link(5e-6,300e9),new Link(1e-5,25e9),Double.POSITIVE_INFINITY,0,List.of(),List.of());
    }
    static RoutingModel routing(String r, ModelConfig c) { return RoutingModel.uniform(); }
}
