// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

final class HtmlReportTest {

    private static String page(Map<String, String> machine) throws IOException {
        return HtmlReport.of(new Collector().report(machine, Map.of(), Map.of()));
    }

    @Test
    void thePageLoadsNothing() throws IOException {
        String page = page(Map.of());
        // The library for charts has strings that look like it.
        int library = page.indexOf("<script>");
        String own = page.substring(0, library) + page.substring(page.indexOf("</script>", library));
        assertFalse(Pattern.compile("<(script|link|img|iframe)[^>]*(src|href)=")
                .matcher(own)
                .find());
        assertFalse(Pattern.compile("@import|url\\(\\s*['\"]?http").matcher(own).find());
        assertTrue(page.contains("echarts"));
        assertFalse(Pattern.compile("/\\*(STYLE|ECHARTS|REPORT|SCRIPT)\\*/")
                .matcher(page)
                .find());
    }

    @Test
    void noTextOfTheDataEndsTheScript() throws IOException {
        int expected = page(Map.of()).split("</script>", -1).length;
        assertEquals(expected, page(Map.of("name", "</script><script>")).split("</script>", -1).length);
    }
}
