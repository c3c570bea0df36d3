package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** What applications import has a line for every module that they may use, and one version for all. */
class BomTest {
    private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
    private static final Path BOM = ROOT.resolve("parallel-strategy/bom/pom.xml");

    private static Element pom(Path file) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file.toFile()).getDocumentElement();
    }

    private static String child(Element of, String name) {
        NodeList children = of.getChildNodes();
        return IntStream.range(0, children.getLength())
                .mapToObj(children::item)
                .filter(node -> node.getNodeName().equals(name))
                .map(node -> node.getTextContent().strip())
                .findFirst().orElse("");
    }

    /** The poms of the jars that others may use. */
    private static List<Path> modules() throws IOException {
        List<Path> modules = new ArrayList<>();
        for (Path of : List.of(ROOT, ROOT.resolve("parallel-strategy"))) {
            try (Stream<Path> folders = Files.list(of)) {
                folders.filter(folder -> Files.isDirectory(folder.resolve("src/main/java")))
                        .filter(folder -> !folder.endsWith("jmh-benchmarks"))
                        .forEach(folder -> modules.add(folder.resolve("pom.xml")));
            }
        }
        return modules;
    }

    @Test
    void itListsEveryModuleInItsOwnVersion() throws Exception {
        Set<String> expected = new TreeSet<>();
        for (Path module : modules()) {
            expected.add(child(pom(module), "artifactId"));
        }
        assertThat(expected).hasSizeGreaterThan(7);
        NodeList listed = pom(BOM).getElementsByTagName("dependency");
        Set<String> found = new TreeSet<>();
        for (int i = 0; i < listed.getLength(); i++) {
            Element dependency = (Element) listed.item(i);
            assertThat(child(dependency, "groupId")).isEqualTo("io.maseparation");
            assertThat(child(dependency, "version")).isEqualTo("${project.version}");
            found.add(child(dependency, "artifactId"));
        }
        assertThat(found).isEqualTo(expected);
    }

    @Test
    void theExampleAndThePagesNameTheVersion() throws Exception {
        String version = child(pom(ROOT.resolve("pom.xml")), "version");
        assertThat(child(pom(BOM), "version")).isEqualTo(version);
        for (String file : List.of("examples/embedding/pom.xml", "docs/embedding.md")) {
            assertThat(Files.readString(ROOT.resolve(file))).as(file).contains(version);
        }
    }
}
