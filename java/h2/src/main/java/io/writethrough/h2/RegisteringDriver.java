// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.SQLFeatureNotSupportedException;
import java.util.Properties;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Registers {@code wt:} with H2 when {@link java.sql.DriverManager} looks for drivers: before the manager makes its
 * first connection. This driver itself takes no URL; {@code jdbc:h2:wt:} is a URL of H2's driver.
 *
 * @since 0.1
 */
public final class RegisteringDriver implements Driver {
    /**
     * Registers {@link FilePathWriteThrough} on the shared engine, unless the program has registered the scheme before.
     */
    public RegisteringDriver() {
        try {
            FilePathWriteThrough.registerIfAbsent();
        } catch (final NoClassDefFoundError e) {
            // There is no H2, and the manager gives up looking for other drivers when one throws.
            System.getLogger(RegisteringDriver.class.getPackageName())
                    .log(System.Logger.Level.DEBUG, "no H2 to register with", e);
        }
    }

    /** {@return null: this driver takes no URL} */
    @Override
    public @Nullable Connection connect(final String url, final Properties info) {
        return null;
    }

    /** {@return false} */
    @Override
    public boolean acceptsURL(final String url) {
        return false;
    }

    /** {@return none} */
    @Override
    public DriverPropertyInfo[] getPropertyInfo(final String url, final Properties info) {
        return new DriverPropertyInfo[0];
    }

    /** {@return 0} */
    @Override
    public int getMajorVersion() {
        return 0;
    }

    /** {@return 1} */
    @Override
    public int getMinorVersion() {
        return 1;
    }

    /** {@return false} */
    @Override
    public boolean jdbcCompliant() {
        return false;
    }

    /**
     * Not supported: this driver logs nothing.
     *
     * @throws SQLFeatureNotSupportedException always
     */
    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        throw new SQLFeatureNotSupportedException();
    }
}
