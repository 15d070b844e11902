// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

@Name("io.writethrough.log.Recovery")
@Label("Log Recovery")
@Category("writethrough")
@Description("A log was opened: the time that it took to find its end, and what was cut off")
@StackTrace(false)
final class RecoveryEvent extends Event {
    @Label("Log")
    String log = "";

    @Label("End")
    @Description("The LSN behind the last record")
    long end;

    @Label("Torn Tail")
    @DataAmount
    long tornBytes;

    @Label("Scanned")
    @DataAmount
    long scannedBytes;
}
