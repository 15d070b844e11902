// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Threads of the backends. The process is not the library's (a JVM, say), so these threads take none of its signals. */
#ifndef WT_THREAD_H
#define WT_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Starts a thread named name (15 characters at most). 0 or -errno. */
static inline int wt_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *argument) {
    /*
     * Signals that a thread raises by its own fault stay unblocked. If they were blocked, the kernel would end the
     * process without the crash report of the JVM.
     */
    static const int own_fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof own_fault / sizeof *own_fault; i++) {
        sigdelset(&blocked, own_fault[i]);
    }
    /* A thread inherits the mask, so there is no moment in which it could take a signal. */
    int rc = pthread_sigmask(SIG_SETMASK, &blocked, &before);
    if (rc != 0) {
        return -rc;
    }
    rc = pthread_create(thread, NULL, body, argument);
    int restored = pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        (void)pthread_setname_np(*thread, name); /* for people who read a list of threads */
    }
    return rc != 0 ? -rc : -restored;
}

#endif
