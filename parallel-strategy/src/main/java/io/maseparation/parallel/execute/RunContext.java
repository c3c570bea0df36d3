package io.maseparation.parallel.execute;

import io.maseparation.parallel.comm.Communicator;

/** What the ranks of one run share. */
record RunContext(
        Workload workload,
        Shares shares,
        Communicator comm,
        Recorder recorder,
        Sequences sequences,
        Heartbeat heartbeat) {}
