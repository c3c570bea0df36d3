package io.maseparation.parallel.reproduce;
import io.maseparation.parallel.cluster.*; import java.util.*; import java.util.stream.*;
public class StandIn {
  public static Cluster a100(int n){
    DeviceKind k=new DeviceKind("A100",80e9,2.039e12,312e12,.8,.7,5e-6,1e-6,8e-6,2.0,Map.of());
    List<CollectiveTable> t=new ArrayList<>();
    double[] b={8192,131072,524288,2097152,8388608,33554432,134217728};
    double[][] v={{15.9,16.6,19.0,38.6,67.8,191,641},{21.3,27.4,30.1,53.7,128,367,1169},{6.3,11.4,18.9,27.9,129,364,1161}};
    for(int i=0;i<3;i++){ List<CollectiveTable.Point> p=new ArrayList<>(); for(int j=0;j<7;j++)p.add(new CollectiveTable.Point(b[j],v[i][j]*1e-6));
        t.add(new CollectiveTable(i==0?CollectiveTable.Operation.ALL_TO_ALL:CollectiveTable.Operation.ALL_REDUCE,i==2?"custom":"nccl",8,p)); }
    return new Cluster("a100x"+n,"",List.of(k),IntStream.range(0,n).mapToObj(i->new Cluster.Device(0,i/8)).toList(),new Link(10e-6,300e9),new Link(10e-6,25e9),Double.POSITIVE_INFINITY,0,t,List.of());
  }
}
