/*
 * Threads of the backends. They live in a process that is not ours, a JVM: they take none of its signals.
 */
#ifndef WT_THREAD_H
#define WT_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Starts a thread named name (15 characters at most). 0 or -errno. */
static inline int wt_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *argument) {
    /* What a thread raises by its own fault stays open: with it blocked the kernel ends the process without the JVM's
     * crash report. */
    static const int own_fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof own_fault / sizeof *own_fault; i++) {
        sigdelset(&blocked, own_fault[i]);
    }
    /* A thread inherits the mask, so that there is no moment in which it could take a signal. */
    int rc = pthread_sigmask(SIG_SETMASK, &blocked, &before);
    if (rc != 0) {
        return -rc;
    }
    rc = pthread_create(thread, NULL, body, argument);
    int restored = pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        (void)pthread_setname_np(*thread, name); /* for people who look at a list of threads; nothing needs it */
    }
    return rc != 0 ? -rc : -restored;
}

#endif
