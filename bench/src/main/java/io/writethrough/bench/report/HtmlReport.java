// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

/** The report as one page that needs no network: what draws the charts is inside, and so are the numbers. */
public final class HtmlReport {
    private static final String ECHARTS = "META-INF/resources/webjars/echarts/%s/dist/echarts.common.min.js";
    private static final String ECHARTS_VERSION = "META-INF/maven/org.webjars.npm/echarts/pom.properties";

    private HtmlReport() {}

    /** The whole page. */
    public static String of(RunReport report) throws IOException {
        return resource("report.html")
                .replace("/*STYLE*/", resource("report.css"))
                .replace("/*ECHARTS*/", echarts())
                .replace("/*REPORT*/", inScript(report.json()))
                .replace("/*SCRIPT*/", resource("report.js"));
    }

    /** No text of the data ends the element that it is in. */
    private static String inScript(String json) {
        return json.replace("<", "\\u003c");
    }

    private static String resource(String name) throws IOException {
        return text(HtmlReport.class.getResource(name), name);
    }

    /** The one version that is on the class path. */
    private static String echarts() throws IOException {
        ClassLoader loader = HtmlReport.class.getClassLoader();
        Properties properties = new Properties();
        try (InputStream input = loader.getResourceAsStream(ECHARTS_VERSION)) {
            if (input == null) {
                throw new IOException(ECHARTS_VERSION + " is not on the class path");
            }
            properties.load(input);
        }
        String name = ECHARTS.formatted(properties.getProperty("version"));
        return text(loader.getResource(name), name);
    }

    private static String text(URL resource, String name) throws IOException {
        if (resource == null) {
            throw new IOException(name + " is not on the class path");
        }
        try (InputStream input = resource.openStream()) {
            return new String(input.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
