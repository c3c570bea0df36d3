package io.maseparation.parallel.execute;

import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.execute.migrate.LiveSequences;
import io.maseparation.parallel.execute.migrate.Migration;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;

/** The sequences of a run, all of which begin with it. */
final class WorkloadSequences implements LiveSequences {
    private final Job job;
    private final Workload workload;
    /** How far the run was when last looked at. */
    private volatile WorkloadMigration.Progress progress;

    WorkloadSequences(Job job) {
        this.job = job;
        workload = job.workload();
        progress = new WorkloadMigration.Progress(new boolean[workload.prompts().size()], 0);
    }

    /** The run is between two steps. */
    void at(boolean[] active, int decoded) {
        progress = new WorkloadMigration.Progress(active, decoded);
    }

    @Override
    public Where where(Deployment now, int decoded) {
        boolean[] active = progress.active();
        List<Integer> owners = new ArrayList<>(now.shares().owners());
        int[] positions = new int[active.length];
        for (int sequence = 0; sequence < active.length; sequence++) {
            if (active[sequence]) {
                positions[sequence] = workload.depth() + workload.prompts().get(sequence).length + decoded;
            } else {
                owners.set(sequence, -1);
            }
        }
        return new Where(List.copyOf(owners), positions, workload.maxTokens() - 1 - decoded);
    }

    @Override
    public Migration prepare(Deployment now, LiveState state, Target target) {
        boolean[] active = new boolean[state.positions().length];
        for (int sequence = 0; sequence < active.length; sequence++) {
            active[sequence] = state.owners().get(sequence) >= 0;
        }
        return WorkloadMigration.prepare(
                now, target, new WorkloadMigration.Progress(active, state.decoded()), () -> progress, job);
    }
}
