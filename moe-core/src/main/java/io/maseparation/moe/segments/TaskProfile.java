package io.maseparation.moe.segments;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.files.ModelException;
import java.util.List;

/**
 * Reads the profile that TornadoVM writes of an execution:
 * {@code {"graph": {"graph.task": {"TASK_KERNEL_TIME": "ns"}}}}.
 */
final class TaskProfile {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private TaskProfile() {}

    /** Times of operations: those of their tasks together. */
    static long[] operations(long[] tasks, List<Boolean> continued) {
        long[] operations = new long[(int) continued.stream().filter(c -> !c).count()];
        int at = -1;
        for (int i = 0; i < tasks.length; i++) {
            at += continued.get(i) ? 0 : 1;
            operations[at] += tasks[i];
        }
        return operations;
    }

    /**
     * Times of tasks.
     *
     * @param profile of one execution of one graph
     * @param names of the tasks: graph, a dot, task
     * @throws ModelException if it lacks one
     */
    static long[] nanos(String profile, List<String> names) {
        JsonNode root;
        try {
            root = MAPPER.readTree(profile);
        } catch (JsonProcessingException e) {
            throw new ModelException("TornadoVM's profile cannot be read: " + e.getOriginalMessage(), e);
        }
        return names.stream()
                .mapToLong(name -> {
                    JsonNode time = root.path(name.substring(0, name.indexOf('.'))).path(name).path("TASK_KERNEL_TIME");
                    if (time.isMissingNode()) {
                        throw new ModelException("TornadoVM's profile has no time of task " + name);
                    }
                    return time.asLong();
                })
                .toArray();
    }
}
