package io.maseparation.parallel.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Two hosts as Open MPI sees them: network namespaces with addresses and names of their own, and a cable between them.
 */
final class TwoHosts implements AutoCloseable {
    private static final long SECONDS = 20;

    private final String id = Long.toString(ProcessHandle.current().pid() % 100_000);
    private final Path folder;

    private TwoHosts(Path folder) {
        this.folder = folder;
    }

    private String host(String which) {
        return "ma" + id + which;
    }

    private String cable(String which) {
        return "v" + id + which;
    }

    /** Whether this machine lets us have them. */
    static boolean permitted(Path folder) throws IOException {
        try (TwoHosts hosts = new TwoHosts(folder)) {
            hosts.layOut();
            return hosts.run("ip", "netns", "exec", hosts.host("b"), "unshare", "--uts", "hostname", hosts.host("b"));
        } catch (IOException e) {
            // There is no such command.
            return false;
        }
    }

    /** Hosts that are there until this is closed. */
    static TwoHosts start(Path folder) throws IOException {
        TwoHosts hosts = new TwoHosts(folder);
        hosts.layOut();
        return hosts;
    }

    private void layOut() throws IOException {
        for (String which : List.of("a", "b")) {
            run("ip", "netns", "add", host(which));
        }
        run("ip", "link", "add", cable("a"), "type", "veth", "peer", "name", cable("b"));
        for (String which : List.of("a", "b")) {
            run("ip", "link", "set", cable(which), "netns", host(which));
            run("ip", "-n", host(which), "addr", "add", address(which) + "/24", "dev", cable(which));
            run("ip", "-n", host(which), "link", "set", "lo", "up");
            run("ip", "-n", host(which), "link", "set", cable(which), "up");
        }
    }

    private static String address(String which) {
        return which.equals("a") ? "10.18.0.1" : "10.18.0.2";
    }

    /** Pulls the cable. */
    void cut() throws IOException {
        run("ip", "-n", host("a"), "link", "set", cable("a"), "down");
    }

    /** Starts rank 0 on one host and the others on the other one. */
    MpiJob start(int processes, List<String> args) throws IOException {
        return startJava(processes, MpiJob.java(args));
    }

    /** The same with host bodies. */
    MpiJob startWithVectors(int processes, List<String> args) throws IOException {
        return startJava(processes, MpiJob.javaWithVectors(args));
    }

    private MpiJob startJava(int processes, List<String> java) throws IOException {
        Path agent = folder.resolve("agent");
        // In the place of ssh: options, the host, and what its shell is to do.
        Files.writeString(agent, """
                #!/bin/sh
                while [ "${1#-}" != "$1" ]; do shift; done
                shift
                exec ip netns exec %s unshare --uts sh -c "hostname %s; $*"
                """.formatted(host("b"), host("b")));
        agent.toFile().setExecutable(true);
        List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", host("a"), "unshare", "--uts", "sh", "-c",
                "hostname " + host("a") + "; exec \"$@\"", "sh", "mpirun", "--oversubscribe"));
        command.addAll(List.of("--host", "%s:1,%s:%d".formatted(address("a"), address("b"), processes - 1)));
        command.addAll(
                List.of("--mca", "plm_rsh_agent", agent.toString(), "--mca", "btl_tcp_if_include", "10.18.0.0/24",
                        "--mca", "oob_tcp_if_include", "10.18.0.0/24", "--display-map"));
        command.addAll(List.of("-n", String.valueOf(processes)));
        command.addAll(java);
        return MpiJob.startCommand(folder, command);
    }

    private boolean run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        return process.onExit().orTimeout(SECONDS, TimeUnit.SECONDS).join().exitValue() == 0;
    }

    @Override
    public void close() throws IOException {
        for (String which : List.of("a", "b")) {
            run("ip", "netns", "del", host(which));
        }
    }
}
