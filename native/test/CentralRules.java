// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathExpressionException;
import javax.xml.xpath.XPathFactory;
import org.w3c.dom.Document;

/**
 * Looks at a repository of Maven as Maven Central looks at an upload: {@code java CentralRules.java DIRECTORY}. Prints a line
 * for each thing that would be refused, and then the number of POMs. Exits with 1 if anything would be. Signatures are for gpg.
 */
final class CentralRules {
    /* Of the POM, or of its parent. */
    private static final List<String> ASKED_FOR = List.of(
            "name",
            "description",
            "url",
            "licenses/license/name",
            "licenses/license/url",
            "developers/developer/name",
            "scm/connection",
            "scm/url");

    private static final XPath XPATH = XPathFactory.newInstance().newXPath();

    private static final List<String> PROBLEMS = new ArrayList<>();

    public static void main(final String[] arguments) throws Exception {
        final List<Path> files;
        try (Stream<Path> found = Files.walk(Path.of(arguments[0]))) {
            files = found.filter(Files::isRegularFile)
                    .filter(file -> !file.getFileName().toString().startsWith("maven-metadata"))
                    .sorted()
                    .toList();
        }
        final Map<String, Document> poms = new HashMap<>();
        for (final Path file : files) {
            if (file.toString().endsWith(".pom")) {
                final Document pom = parse(file);
                poms.put(coordinates(pom, "/project"), pom);
                checkPlace(arguments[0], file, pom);
                checkArchives(file, pom);
            }
            if (!file.toString().matches(".*\\.(md5|sha1|sha256|sha512|asc)")) {
                checkChecksum(file, "MD5", ".md5");
                checkChecksum(file, "SHA-1", ".sha1");
            }
        }
        for (final Document pom : poms.values()) {
            checkPom(pom, poms);
        }
        PROBLEMS.forEach(System.out::println);
        System.out.println(poms.size() + " POMs");
        System.exit(PROBLEMS.isEmpty() && !poms.isEmpty() ? 0 : 1);
    }

    private static void checkPom(final Document pom, final Map<String, Document> poms) throws XPathExpressionException {
        final String name = coordinates(pom, "/project");
        if (name.endsWith("-SNAPSHOT")) {
            PROBLEMS.add(name + ": no release");
        }
        final boolean hasParent = !text(pom, "/project/parent/artifactId").isEmpty();
        final Document parent = poms.get(coordinates(pom, "/project/parent"));
        if (hasParent && parent == null) {
            PROBLEMS.add(name + ": its parent is not there");
        }
        for (final String element : ASKED_FOR) {
            final boolean own = element.equals("name") || element.equals("description");
            String value = text(pom, "/project/" + element);
            if (value.isEmpty() && !own && parent != null) {
                value = text(parent, "/project/" + element);
            }
            if (value.isEmpty() || value.contains("${")) {
                PROBLEMS.add(name + ": no " + element);
            }
        }
    }

    /* The file is where its coordinates say. */
    private static void checkPlace(final String root, final Path file, final Document pom) throws XPathExpressionException {
        final String[] part = coordinates(pom, "/project").split(":");
        final Path place = Path.of(root, part[0].replace('.', '/'), part[1], part[2], part[1] + "-" + part[2] + ".pom");
        if (!place.equals(file)) {
            PROBLEMS.add(file + ": its place is " + place);
        }
    }

    private static void checkArchives(final Path file, final Document pom) throws XPathExpressionException {
        if (text(pom, "/project/packaging").equals("pom")) {
            return;
        }
        for (final String archive : List.of(".jar", "-sources.jar", "-javadoc.jar")) {
            final Path beside = Path.of(file.toString().replaceFirst("\\.pom$", archive));
            if (!Files.isRegularFile(beside)) {
                PROBLEMS.add(beside + " is missing");
            }
        }
    }

    private static void checkChecksum(final Path file, final String algorithm, final String suffix) throws Exception {
        final Path beside = Path.of(file + suffix);
        final String found = HexFormat.of()
                .formatHex(MessageDigest.getInstance(algorithm).digest(Files.readAllBytes(file)));
        if (!Files.exists(beside) || !Files.readString(beside).strip().equals(found)) {
            PROBLEMS.add(beside + " is missing or wrong");
        }
    }

    /* group:artifact:version; the group and the version may be those of the parent. */
    private static String coordinates(final Document pom, final String element) throws XPathExpressionException {
        return inherited(pom, element, "groupId") + ":" + text(pom, element + "/artifactId") + ":"
                + inherited(pom, element, "version");
    }

    private static String inherited(final Document pom, final String element, final String name)
            throws XPathExpressionException {
        final String own = text(pom, element + "/" + name);
        return own.isEmpty() ? text(pom, "/project/parent/" + name) : own;
    }

    private static String text(final Document pom, final String path) throws XPathExpressionException {
        return XPATH.evaluate(path, pom).strip();
    }

    private static Document parse(final Path file) throws Exception {
        try {
            return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file.toFile());
        } catch (final IOException e) {
            throw new IOException(file + " cannot be read", e);
        }
    }
}
