package io.maseparation.kernels.operations;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * Launches what TornadoVM has captured of a graph as a CUDA graph, and waits for it: the graph's tasks and all
 * transfers of its executions but the first. TornadoVM does that and no more when it executes such a graph again, but
 * looks through its tasks for it, their names and arrays, which takes 0.2 ms and more for a hundred of them. By
 * reflection, since the code is compiled without TornadoVM's runtime; where that is another one, nothing is captured.
 */
public final class CapturedGraph {
    private static final String INTERPRETER = "uk.ac.manchester.tornado.runtime.interpreter.TornadoVMInterpreter";
    private static final Optional<Inside> INSIDE = Inside.find();

    private final ImmutableTaskGraph graph;
    private final TornadoExecutionPlan plan;
    private final int index;
    private final TornadoDevice device;
    private @Nullable Captured captured;

    /**
     * TornadoVM's way from a graph to what was captured of it.
     *
     * @param graph to the graph's object
     * @param machine the field TornadoTaskGraph.vm
     * @param interpreters the field TornadoVM.tornadoVMInterpreters
     * @param handles the field TornadoVMInterpreter.executionGraphHandles
     * @param executor the field TornadoExecutionPlan.tornadoExecutor
     * @param select TornadoExecutor.selectGraph
     * @param id TornadoExecutionPlan.getId
     */
    private record Inside(
            GraphInside graph, Field machine, Field interpreters, Field handles, Field executor, Method select,
            Method id) {
        static Optional<Inside> find() {
            try {
                GraphInside graph = GraphInside.find();
                Field machine = graph.field("vm");
                Field executor = GraphInside.opened(TornadoExecutionPlan.class.getDeclaredField("tornadoExecutor"));
                return Optional.of(new Inside(
                        graph,
                        machine,
                        GraphInside.opened(machine.getType().getDeclaredField("tornadoVMInterpreters")),
                        GraphInside.opened(Class.forName(INTERPRETER).getDeclaredField("executionGraphHandles")),
                        executor,
                        GraphInside.opened(executor.getType().getDeclaredMethod("selectGraph", int.class)),
                        TornadoExecutionPlan.class.getMethod("getId")));
            } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                return Optional.empty();
            }
        }

        /** The handles of what was captured of a graph, which is executed on one device; null before there are any. */
        @Nullable
        Map<?, ?> handles(ImmutableTaskGraph of) throws ReflectiveOperationException {
            Object virtualMachine = machine.get(graph.of(of));
            if (virtualMachine == null) {
                return null;
            }
            Object all = interpreters.get(virtualMachine);
            return Array.getLength(all) == 1 ? (Map<?, ?>) handles.get(Array.get(all, 0)) : null;
        }
    }

    /**
     * @param handles TornadoVM's, one when the graph is captured
     * @param launch launchExecutionGraph of the device
     * @param await its sync
     * @param executor what brings arrays to the host, of the graph that is selected
     * @param planId the plan's number
     */
    private record Captured(Map<?, ?> handles, Method launch, Method await, Object executor, long planId) {}

    /**
     * @param graph the graph
     * @param plan the plan it is part of
     * @param index its place there
     * @param device the plan's device
     */
    public CapturedGraph(ImmutableTaskGraph graph, TornadoExecutionPlan plan, int index, TornadoDevice device) {
        this.graph = graph;
        this.plan = plan;
        this.index = index;
        this.device = device;
    }

    /**
     * Gets ready to execute the graph, after the plan has, and waits as the plan did: what the first call by reflection
     * takes, several milliseconds, is no part of a step then.
     */
    public void prepare() {
        if (INSIDE.isEmpty()) {
            return;
        }
        try {
            captured = find(INSIDE.get());
            if (captured != null) {
                INSIDE.get().select().invoke(captured.executor(), index);
                captured.await().invoke(device, captured.planId());
            }
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's captured graphs", e);
        }
    }

    /**
     * Executes the graph if it is captured, as the plan would do after {@code withGraph(index)}: results of executions
     * before bring this one's arrays to the host.
     *
     * @return whether it was captured
     */
    public boolean execute() {
        if (INSIDE.isEmpty()) {
            return false;
        }
        try {
            if (captured == null) {
                return false;
            }
            Iterator<?> handles = captured.handles().values().iterator();
            if (!handles.hasNext()) {
                return false;
            }
            GraphInside.call(INSIDE.get().select(), captured.executor(), index);
            GraphInside.call(captured.launch(), device, captured.planId(), handles.next());
            GraphInside.call(captured.await(), device, captured.planId());
            return true;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's captured graphs", e);
        }
    }

    private @Nullable Captured find(Inside inside) throws ReflectiveOperationException {
        Map<?, ?> handles = inside.handles(graph);
        if (handles == null || handles.isEmpty()) {
            return null;
        }
        return new Captured(
                handles,
                device.getClass().getMethod("launchExecutionGraph", long.class, long.class),
                device.getClass().getMethod("sync", long.class),
                inside.executor().get(plan),
                (long) inside.id().invoke(plan));
    }
}
