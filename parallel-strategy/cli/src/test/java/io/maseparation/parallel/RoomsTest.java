package io.maseparation.parallel;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Which package may use which: no cycle anywhere, and between rooms only the arrows drawn here. */
@AnalyzeClasses(packages = "io.maseparation", importOptions = {ImportOption.DoNotIncludeTests.class,
    ArchitectureTest.NoFixtures.class})
final class RoomsTest {
    /** A room is the longest of these prefixes that a package has; what it may use beside itself. */
    private static final Map<String, Set<String>> ROOMS = rooms();

    private static Map<String, Set<String>> rooms() {
        Map<String, Set<String>> rooms = new TreeMap<>();
        rooms.put("kernels", Set.of());
        rooms.put("kernels.host", Set.of("kernels"));
        rooms.put("kernels.portable", Set.of("kernels"));
        rooms.put("kernels.gpu", Set.of("kernels", "kernels.portable"));
        rooms.put("kernels.operations", Set.of("kernels", "kernels.host", "kernels.portable", "kernels.gpu"));
        rooms.put("tornado.embedded", Set.of());
        rooms.put("files", Set.of());
        Set<String> kernels =
                Set.of("kernels", "kernels.host", "kernels.portable", "kernels.gpu", "kernels.operations");
        rooms.put("moe", with(kernels, "files"));
        rooms.put("moe.segments", with(kernels, "files", "moe"));
        Set<String> model = with(kernels, "files", "moe", "moe.segments");
        rooms.put("runtime", model);
        rooms.put("planner", with(model, "runtime"));
        rooms.put("studies", with(model, "runtime", "planner"));
        rooms.put("cli", with(model, "runtime", "planner", "studies"));
        return rooms;
    }

    private static final Map<String, String> ROOM_OF = Map.ofEntries(
            Map.entry("parallel", "runtime"),
            Map.entry("parallel.layout", "runtime"),
            Map.entry("parallel.balance", "runtime"),
            Map.entry("parallel.comm", "runtime"),
            Map.entry("parallel.comm.mpi", "runtime"),
            Map.entry("parallel.comm.nccl", "runtime"),
            Map.entry("parallel.cublas", "runtime"),
            Map.entry("parallel.change", "runtime"),
            Map.entry("parallel.run", "runtime"),
            Map.entry("parallel.compare", "runtime"),
            Map.entry("parallel.engine", "runtime"),
            Map.entry("parallel.execute", "runtime"),
            Map.entry("parallel.execute.migrate", "runtime"),
            Map.entry("parallel.execute.rank", "runtime"),
            Map.entry("parallel.timeline", "runtime"),
            Map.entry("parallel.cluster", "planner"),
            Map.entry("parallel.simulate", "planner"),
            Map.entry("parallel.search", "planner"),
            Map.entry("parallel.adapt", "planner"),
            Map.entry("parallel.calibrate", "planner"),
            Map.entry("parallel.measure", "planner"),
            Map.entry("parallel.threads", "planner"),
            Map.entry("parallel.present", "studies"),
            Map.entry("parallel.present.chart", "studies"),
            Map.entry("parallel.present.html", "studies"),
            Map.entry("parallel.studies.paper", "studies"),
            Map.entry("parallel.studies.policies", "studies"),
            Map.entry("parallel.cli", "cli"),
            Map.entry("parallel.cli.results", "cli"));

    private static Set<String> with(Set<String> rooms, String... more) {
        Set<String> all = new TreeSet<>(rooms);
        all.addAll(Set.of(more));
        return all;
    }

    /** A package that no room holds would be free of every rule below. */
    private static String room(JavaClass type) {
        String name = type.getPackageName().replaceFirst("^io\\.maseparation\\.", "");
        return ROOM_OF.getOrDefault(name, name);
    }

    private static final SliceAssignment PACKAGES = new SliceAssignment() {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass type) {
            return type.getPackageName().startsWith("io.maseparation")
                    ? SliceIdentifier.of(type.getPackageName())
                    : SliceIdentifier.ignore();
        }

        @Override
        public String getDescription() {
            return "every package";
        }
    };

    @ArchTest
    static final ArchRule noPackageIsInACycle = slices().assignedFrom(PACKAGES).should().beFreeOfCycles();

    @ArchTest
    static void roomsUseOnlyWhatTheyMay(JavaClasses all) {
        Set<String> seen = new TreeSet<>();
        Set<String> wrong = new TreeSet<>();
        for (JavaClass type : all) {
            String from = room(type);
            assertThat(ROOMS).as("room of " + type.getName()).containsKey(from);
            seen.add(from);
            type.getDirectDependenciesFromSelf().forEach(dependency -> {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                String to = room(target);
                if (target.getPackageName().startsWith("io.maseparation") && !to.equals(from)
                        && !ROOMS.get(from).contains(to)) {
                    wrong.add("%s -> %s: %s uses %s".formatted(from, to, type.getName(), target.getName()));
                }
            });
        }
        assertThat(wrong).isEmpty();
        assertThat(seen).containsAll(Set.of("kernels.host", "kernels.operations", "files", "moe.segments", "runtime",
                "planner", "studies", "cli"));
    }
}
