package io.maseparation.parallel;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The design's arrows and rules, over the classes of all modules but the benchmarks (which nothing here may use). A
 * rule that finds no class to check fails.
 */
@AnalyzeClasses(packages = "io.maseparation", importOptions = {ImportOption.DoNotIncludeTests.class,
    ArchitectureTest.NoFixtures.class})
final class ArchitectureTest {
    /** Leaves out the fixtures of other modules' tests, which come as a jar. */
    static final class NoFixtures implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    private static final String KERNELS = "io.maseparation.kernels..";
    private static final String MODEL = "io.maseparation.moe..";
    private static final String SEGMENTS = "io.maseparation.moe.segments..";
    private static final String PARALLEL = "io.maseparation.parallel..";
    private static final String COMMAND_LINE = "io.maseparation.parallel.cli..";
    private static final String BENCHMARKS = "io.maseparation.bench..";
    private static final String TORNADOVM = "uk.ac.manchester.tornado..";
    /** The embedded runtime, which implements TornadoVM's API. */
    private static final String EMBEDDED = "io.maseparation.tornado.embedded..";
    private static final String TORNADOVM_TYPES = "uk.ac.manchester.tornado.api.types..";

    /** Guards the rules below: a package that is not on the class path would keep every one of them. */
    @ArchTest
    static void everyModuleIsSeen(JavaClasses all) {
        for (String module : new String[] {KERNELS, MODEL, PARALLEL}) {
            assertThat(all.that(resideInAPackage(module))).as(module).isNotEmpty();
        }
    }

    @ArchTest
    static final ArchRule kernelsKnowNoModel =
            noClasses().that().resideInAPackage(KERNELS)
                    .should().dependOnClassesThat().resideInAnyPackage(MODEL, PARALLEL, BENCHMARKS);

    @ArchTest
    static final ArchRule modelsKnowNoStrategy =
            noClasses().that().resideInAPackage(MODEL)
                    .should().dependOnClassesThat().resideInAnyPackage(PARALLEL, BENCHMARKS);

    @ArchTest
    static final ArchRule nothingKnowsTheBenchmarks =
            noClasses().should().dependOnClassesThat().resideInAPackage(BENCHMARKS);

    @ArchTest
    static final ArchRule nothingBelowKnowsTheCommandLine =
            noClasses().that().resideOutsideOfPackage(COMMAND_LINE)
                    .should().dependOnClassesThat().resideInAPackage(COMMAND_LINE);

    @ArchTest
    static final ArchRule onlyKernelsAndModelsKnowTornadoVm =
            classes().that(dependOn(resideInAPackage(TORNADOVM))).and().resideOutsideOfPackage(EMBEDDED)
                    .should().resideInAnyPackage(KERNELS, MODEL)
                    .because("strategies assemble device programs from segments");

    @ArchTest
    static final ArchRule onlySegmentsKnowTaskGraphs =
            classes().that(dependOn(resideInAPackage(TORNADOVM).and(not(resideInAPackage(TORNADOVM_TYPES)))))
                    .and().resideOutsideOfPackage(EMBEDDED)
                    .should().resideInAnyPackage(KERNELS, SEGMENTS)
                    .because("outside the segments a model holds TornadoVM's arrays and nothing else of it");

    @ArchTest
    static final ArchRule onlyTheCommandLineEndsTheJvm =
            noClasses().that().resideOutsideOfPackage(COMMAND_LINE)
                    .should().callMethod(System.class, "exit", int.class)
                    .orShould().callMethod(Runtime.class, "exit", int.class)
                    .orShould().callMethod(Runtime.class, "halt", int.class)
                    .because("an application embeds this");

    @ArchTest
    static final ArchRule onlyTheCommandLineSetsProperties =
            noClasses().that().resideOutsideOfPackage(COMMAND_LINE)
                    .should().callMethod(System.class, "setProperty", String.class, String.class)
                    .orShould().callMethod(System.class, "clearProperty", String.class)
                    .orShould().callMethod(System.class, "setProperties", java.util.Properties.class)
                    .because("an application embeds this");

    @ArchTest
    static final ArchRule onlyTheCommandLinePrints =
            noClasses().that().resideOutsideOfPackage(COMMAND_LINE)
                    .should(ACCESS_STANDARD_STREAMS)
                    .because("library code logs to System.Logger");

    @ArchTest
    static final ArchRule noLoggingFramework =
            noClasses().should().dependOnClassesThat()
                    .resideInAnyPackage("java.util.logging..", "org.slf4j..", "org.apache.logging..",
                            "org.apache.log4j..", "org.apache.commons.logging..")
                    .because("the embedding application chooses one behind System.Logger");

    @ArchTest
    static final ArchRule gpuBodiesDoNotReadSizesOfArrays =
            noClasses().that().resideInAPackage("io.maseparation.kernels.gpu..")
                    .should()
                    .callMethodWhere(DescribedPredicate.describe("reads a size",
                            call -> call.getTarget().getName().equals("getSize")))
                    .because("KernelSources takes kernels for the same whose arrays differ in size");

    @ArchTest
    static final ArchRule noStaticFieldChanges =
            fields().that().areStatic().should().beFinal();

    @ArchTest
    static final ArchRule noStaticFieldHoldsWhatChanges =
            // AttentionScratch and HostDots keep a thread's working memory between calls; no content outlives one.
            // HostThreads counts the threads at work on this host, whichever run they belong to; the count is back at 0
            // after them. LargePages counts what the process has of the system's pages, and ArrayMemory what its arrays
            // hold. DefaultBackend mirrors what TornadoVM itself has one of in a process.
            fields().that().areStatic()
                    .and().areDeclaredInClassesThat().doNotHaveSimpleName("AttentionScratch")
                    .and().areDeclaredInClassesThat().doNotHaveSimpleName("HostDots")
                    .and().areDeclaredInClassesThat().doNotHaveSimpleName("HostThreads")
                    .and().areDeclaredInClassesThat().doNotHaveSimpleName("LargePages")
                    .and().areDeclaredInClassesThat().doNotHaveSimpleName("ArrayMemory")
                    .and().areDeclaredInClassesThat().doNotHaveSimpleName("DefaultBackend")
                    .should().notHaveRawType(JavaClass.Predicates.assignableTo(ThreadLocal.class)
                            .or(JavaClass.Predicates.assignableTo(ConcurrentMap.class))
                            .or(resideInAPackage(AtomicReference.class.getPackageName())));

    private static DescribedPredicate<JavaClass> dependOn(DescribedPredicate<? super JavaClass> target) {
        return DescribedPredicate.describe(
                "depend on classes that " + target.getDescription(),
                source -> source.getDirectDependenciesFromSelf().stream()
                        .anyMatch(dependency -> target.test(dependency.getTargetClass())));
    }
}
