// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "uring/uring.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "base/retry.h"
#include "base/thread.h"
#include "io/list.h"
#include "io/stable.h"
#include "io/wait.h"
#include "posix/posix.h"
#include "posix/probe.h"
#include "posix/threads.h"
#include "uring/burst.h"
#include "uring/hold_back.h"
#include "uring/queue.h"
#include "uring/registry.h"
#include "uring/ring.h"
#include "uring/roles.h"
#include "uring/shared_flush.h"

#define RING_ENTRIES_DEFAULT 256u
#define RING_ENTRIES_MIN 8u
#define RING_ENTRIES_MAX 32768u

/* A caller that may wait this long for completions has time for a flush. */
#define PATIENCE_NS 100000000L
/* The longest single wait. The kernel adds the present time, and a sum that overflows would be over at once. */
#define WAIT_MOST_NS (INT64_C(1) << 62)
/* A submitter takes so many batches of completions for a caller that rests. */
#define TAKE_ROUNDS 4u

struct uring {
    struct wt_backend backend;
    struct uring *polled;                    /* the ring of direct reads and writes, or NULL: this one has all */
    struct uring *main;                      /* of the backend: this one, or the one that has this as polled */
    struct uring *of_engine;                 /* the main ring of the engine: of a lane's ring that of the backend */
    _Atomic(struct wt_backend *) substitute; /* of the main ring: has what is submitted after a ring was refused */
    unsigned threads;                        /* of the substitute */
    struct wt_bursts bursts;                 /* of the main ring */
    pthread_t reaper;
    atomic_bool started; /* the reaper was */
    struct wt_queue queue;
    struct wt_roles roles;
    struct wt_hold_back hold_back;
    struct wt_shared_flush shared_flush; /* counts: of the main ring, for both */
};

static struct uring *uring_of(struct wt_backend *backend) {
    return (struct uring *)backend;
}

static void take_for_caller(struct uring *uring);

/*
 * Sends what the lists hold, unless someone is at it. Then takes what has completed by that, if a caller rests. With the
 * lock held, and not meanwhile.
 */
static void submit_now(struct uring *uring) {
    wt_hold_back_end(&uring->hold_back);
    if (wt_queue_submit(&uring->queue)) {
        take_for_caller(uring);
    }
}

/* ---- completion ------------------------------------------------------------------------------------------------ */

/* What one batch of completions comes to. */
struct reaped {
    struct wt_io_list unsent;  /* of which something is left to be sent */
    struct wt_io_list again;   /* to be sent with IOSQE_ASYNC */
    struct wt_io_list written; /* to be flushed */
    struct wt_io_list flushed; /* to be completed */
    bool told;                 /* some were completed that waited for no shared flush */
    bool nudged;
};

static void complete(struct uring *uring, struct wt_io *io) {
    wt_shared_flush_leave(&uring->main->shared_flush, io);
    io->complete(io);
}

/* With the lock held. */
static void end_flush(struct uring *uring, struct wt_flush *flush, int result, struct reaped *reaped) {
    if (wt_shared_flush_end(&uring->shared_flush, flush, result, &reaped->flushed)) {
        atomic_fetch_add_explicit(&uring->of_engine->backend.shared_flushes, 1, memory_order_relaxed);
    }
}

/* The end of a transfer: completes the I/O, or puts it on the list of what is to be done next. */
static void finish(struct uring *uring, const struct wt_completion *completion, struct reaped *reaped) {
    struct wt_io *io = wt_completion_io(completion);
    int result = completion->result;
    bool async = wt_completion_is_async(completion);
    if (io->error != 0) { /* was never started */
        reaped->told = true;
        complete(uring, io);
    } else if (((wt_ring_dropped(result) && !WT_MUTANT("ring-dropped-fails")) ||
                (result == -EAGAIN && !async)) && /* EAGAIN: it cannot be done without blocking */
               wt_may_retry(&io->retries)) {
        wt_io_list_push(&reaped->again, io);
    } else if (!wt_posix_apply_result(io, result) && !WT_MUTANT("ring-rest-not-sent")) {
        wt_io_list_push(&reaped->unsent, io);
    } else if (wt_stable_owes_flush(io) && io->done > 0) { /* before an error, too */
        wt_io_list_push(&reaped->written, io);
    } else {
        reaped->told = true;
        complete(uring, io);
    }
}

static void complete_flushed(struct uring *uring, struct reaped *reaped) {
    struct wt_io *io;
    while ((io = wt_io_list_pop(&reaped->flushed)) != NULL) {
        complete(uring, io);
    }
}

/* Sees to a flush of what was written on the polled ring, on which nothing can be flushed. */
static void flush_on_main(struct uring *main, struct wt_io_list *written) {
    if (written->first == NULL) {
        return;
    }
    wt_lock(&main->queue.lock);
    wt_shared_flush_add(&main->shared_flush, written);
    submit_now(main);
    wt_unlock(&main->queue.lock);
}

/* Hands what a batch came to on to the submitter. With the lock held. */
static void collect(struct uring *uring, struct reaped *reaped) {
    if (reaped->nudged) {
        wt_queue_end_nudge(&uring->queue);
    }
    wt_queue_add_again(&uring->queue, &reaped->again);
    (void)wt_queue_add(&uring->queue, reaped->unsent.first);
    wt_shared_flush_add(&uring->shared_flush, &reaped->written); /* none on the polled ring */
}

/*
 * Flushes, and completes the writes that are stable by that. The lock is held, and the thread has no role: the reaper
 * may have to take over.
 */
static void run_own_flush(struct uring *uring, struct wt_flush *flush) {
    struct reaped reaped = {0};
    wt_unlock(&uring->queue.lock);
    int rc = fdatasync(flush->descriptor) < 0 ? -errno : 0;
    wt_lock(&uring->queue.lock);
    end_flush(uring, flush, rc, &reaped);
    bool owner = wt_queue_reserve(&uring->queue);
    wt_unlock(&uring->queue.lock);
    complete_flushed(uring, &reaped);
    wt_lock(&uring->queue.lock);
    wt_queue_release(&uring->queue, owner);
}

/*
 * Reaps one batch of completions. False: none came in time. While it completes them it owns the submission queue, if
 * no other thread does: so what the completions submit enters the kernel together. *own, if asked for: a flush that
 * the caller is to run.
 */
static bool reap_batch(struct uring *uring, struct __kernel_timespec *timeout, struct wt_flush **own) {
    struct wt_completion completions[WT_REAP_BATCH];
    struct reaped reaped = {0};
    unsigned count = wt_queue_reap(&uring->queue, completions, timeout);
    if (count == 0) {
        return false;
    }

    wt_lock(&uring->queue.lock);
    for (unsigned i = 0; i < count; i++) {
        wt_queue_count_completed(&uring->queue, &completions[i]);
        if (wt_completion_kind(&uring->queue, &completions[i]) == WT_COMPLETION_FLUSH) {
            end_flush(uring, wt_completion_flush(&completions[i]), completions[i].result, &reaped);
        }
    }
    bool owner = wt_queue_reserve(&uring->queue);
    wt_unlock(&uring->queue.lock);

    for (unsigned i = 0; i < count; i++) {
        enum wt_completion_kind kind = wt_completion_kind(&uring->queue, &completions[i]);
        if (kind == WT_COMPLETION_IO) {
            finish(uring, &completions[i], &reaped);
        } else if (kind == WT_COMPLETION_NUDGE) {
            reaped.nudged = true;
        }
    }
    complete_flushed(uring, &reaped);
    if (uring->main != uring) {
        flush_on_main(uring->main, &reaped.written);
    }

    wt_lock(&uring->queue.lock);
    collect(uring, &reaped);
    if (own != NULL) {
        /* awaited elsewhere: the caller has to return */
        bool awaited = reaped.told || reaped.nudged || uring->roles.woken;
        *own = wt_shared_flush_take_own(&uring->shared_flush, awaited);
    }
    wt_queue_release(&uring->queue, owner);
    wt_unlock(&uring->queue.lock);
    return true;
}

/* ---- who takes completions ------------------------------------------------------------------------------------- */

/*
 * If a caller rests, takes completions in its place. The caller gets up for what did not complete at once. With the lock
 * held, and not while completions are taken.
 */
static void take_for_caller(struct uring *uring) {
    if (!wt_roles_take_as_submitter(&uring->roles)) {
        return;
    }
    struct wt_plug *before = wt_plug_enter(NULL); /* what the completions launch is no business of this thread's lane */
    for (unsigned i = 0; i < TAKE_ROUNDS && wt_queue_count_ready(&uring->queue) > 0; i++) {
        wt_unlock(&uring->queue.lock);
        (void)reap_batch(uring, NULL, NULL);
        wt_lock(&uring->queue.lock);
    }
    wt_plug_leave(before);
    wt_roles_leave_as_submitter(&uring->roles);
    if (wt_queue_has_work(&uring->queue) && !uring->queue.submitting) { /* else that thread sees to it */
        wt_roles_get_up(&uring->roles);
    }
}

/* Sends the nudge, unless it is under way. With the lock held. */
static void nudge(struct uring *uring) {
    if (wt_roles_caller_rests(&uring->roles)) {
        wt_roles_get_up(&uring->roles);
    } else if (wt_queue_is_refused(&uring->queue)) {
        wt_roles_call_reaper(&uring->roles); /* nobody waits in the kernel, by the alarm */
    } else if (wt_queue_add_nudge(&uring->queue)) {
        submit_now(uring);
    }
}

/* The reaper while callers reap. The lock is held. */
static void watch_callers(struct uring *uring) {
    uint64_t turns;
    if (wt_roles_watch(&uring->roles, &uring->queue.lock, &turns)) {
        wt_roles_watched(&uring->roles, turns, wt_queue_has_work(&uring->queue));
    }
}

/* ---- a ring that the kernel refuses ---------------------------------------------------------------------------- */

/* Does on this thread what an I/O that the kernel has not, or not whole, asks for. */
static void run_refused(struct uring *uring, struct wt_io *io) {
    if (io->error == 0) { /* else there was no descriptor for it */
        wt_posix_run_left(io);
    }
    if (wt_stable_owes_flush(io) && io->done > 0) {
        int rc = io->backing->ops->sync(io->backing, true);
        io->done = rc < 0 ? 0 : io->done;
        io->error = rc < 0 ? rc : io->error;
        io->flush_failed = rc < 0;
    }
    complete(uring, io);
}

static void run_refused_flush(struct uring *uring, struct wt_flush *flush) {
    struct reaped reaped = {0};
    int rc = fdatasync(flush->descriptor) < 0 ? -errno : 0;
    wt_lock(&uring->queue.lock);
    end_flush(uring, flush, rc, &reaped);
    wt_unlock(&uring->queue.lock);
    complete_flushed(uring, &reaped);
}

/* Does what is on the lists. False: nothing was. With the lock held, and not while anything is done. */
static bool run_lists(struct uring *uring) {
    unsigned count = 0;
    struct wt_flush *flush = wt_shared_flush_take(&uring->shared_flush, 1, &count);
    struct wt_io *io = flush == NULL ? wt_queue_pop(&uring->queue) : NULL;
    if (io == &uring->queue.nudge) {
        wt_queue_end_nudge(&uring->queue);
        return true;
    }
    wt_unlock(&uring->queue.lock);
    if (flush != NULL) {
        run_refused_flush(uring, flush);
    } else if (io != NULL) {
        run_refused(uring, io);
    }
    wt_lock(&uring->queue.lock);
    return flush != NULL || io != NULL;
}

/*
 * I/O that is submitted from now on goes to a backend of threads; without memory for one, the reaper does the I/O.
 * Without the lock.
 */
static void open_substitute(struct uring *main) {
    const struct wt_engine_options options = {.threads = main->threads};
    struct wt_backend *opened = NULL, *none = NULL;
    if (atomic_load_explicit(&main->substitute, memory_order_relaxed) == NULL &&
        wt_threads_open(&options, &opened) == 0 && !atomic_compare_exchange_strong(&main->substitute, &none, opened)) {
        opened->ops->close(opened); /* the reaper of the other ring was quicker */
    }
}

/* Another thread than the reaper takes completions. With the lock held. */
static bool is_anothers(const struct uring *uring) {
    return uring->roles.role != WT_ROLE_FREE && uring->roles.role != WT_ROLE_REAPER;
}

/* For a moment, or until there is something on the lists. With the lock held. */
static void wait_refused(struct uring *uring) {
    if (uring->queue.in_flight == 0 || is_anothers(uring) || uring->queue.submitting) {
        wt_roles_sleep(&uring->roles, &uring->queue.lock);
        return;
    }
    wt_unlock(&uring->queue.lock);
    wt_queue_poke(&uring->queue);
    wt_lock(&uring->queue.lock);
}

/*
 * One round of the reaper of a refused ring. It takes completions out of the ring's memory, which needs no system
 * call: only then is the memory of an I/O free again. The lock is held.
 */
static void serve_refused(struct uring *uring) {
    if (is_anothers(uring) || uring->queue.submitting) {
        wait_refused(uring); /* for it to leave */
        return;
    }
    wt_roles_take_as_reaper(&uring->roles); /* for good: callers do not take completions any more */
    wt_unlock(&uring->queue.lock);
    open_substitute(uring->main);
    bool some = reap_batch(uring, NULL, NULL);
    wt_lock(&uring->queue.lock);
    while (run_lists(uring)) {
        some = true;
    }
    if (!some && !(uring->roles.closing && !uring->queue.nudging)) {
        wait_refused(uring);
    }
}

/* True: the substitute has it. */
static bool submit_to_substitute(struct uring *uring, struct wt_io *list) {
    struct wt_backend *substitute = atomic_load_explicit(&uring->substitute, memory_order_acquire);
    if (substitute != NULL) {
        substitute->ops->submit(substitute, list);
    }
    return substitute != NULL;
}

/* ---- the threads ----------------------------------------------------------------------------------------------- */

static void *reaper(void *argument) {
    struct uring *uring = argument;
    wt_lock(&uring->queue.lock);
    while (!uring->roles.closing || uring->queue.nudging) {
        if (wt_queue_is_refused(&uring->queue)) {
            serve_refused(uring);
            continue;
        }
        if (wt_roles_reaper_watches(&uring->roles)) {
            watch_callers(uring);
            continue;
        }
        wt_roles_take_as_reaper(&uring->roles);
        wt_shared_flush_set_patient(&uring->shared_flush, false);
        submit_now(uring);
        wt_unlock(&uring->queue.lock);
        (void)reap_batch(uring, NULL, NULL);
        wt_lock(&uring->queue.lock);
        wt_roles_leave_as_reaper(&uring->roles);
    }
    wt_unlock(&uring->queue.lock);
    return NULL;
}

/* The reaper of the polled ring. */
static void *poller(void *argument) {
    struct uring *uring = argument;
    wt_lock(&uring->queue.lock);
    while (!uring->roles.closing || uring->queue.in_flight > 0) {
        if (wt_queue_is_refused(&uring->queue)) {
            serve_refused(uring);
            continue;
        }
        if (uring->queue.in_flight == 0) {
            wt_roles_sleep(&uring->roles, &uring->queue.lock);
            continue;
        }
        wt_unlock(&uring->queue.lock);
        (void)reap_batch(uring, NULL, NULL);
        wt_lock(&uring->queue.lock);
    }
    wt_unlock(&uring->queue.lock);
    return NULL;
}

/* Starts the threads that are not there yet. */
static int start_threads(struct uring *uring) {
    struct uring *polled = uring->polled;
    struct uring *last = polled != NULL ? polled : uring;
    int rc = 0;
    if (atomic_load_explicit(&last->started, memory_order_relaxed)) {
        return 0;
    }
    wt_lock(&uring->queue.lock);
    if (!uring->started) {
        rc = wt_thread_start(&uring->reaper, "wt-reaper", reaper, uring);
        uring->started = rc == 0;
    }
    if (rc == 0 && polled != NULL && !polled->started) {
        rc = wt_thread_start(&polled->reaper, "wt-poller", poller, polled);
        polled->started = rc == 0;
    }
    wt_unlock(&uring->queue.lock);
    return rc;
}

/*
 * The reaper gives way to a caller, since completions never block. False: the ring is refused. With the lock held,
 * which others may have meanwhile.
 */
static bool ask_for_role(struct uring *uring) {
    wt_roles_ask(&uring->roles);
    while (uring->roles.role == WT_ROLE_REAPER && !wt_queue_is_refused(&uring->queue)) {
        nudge(uring); /* unlocks in between */
        if (uring->roles.role == WT_ROLE_REAPER && !wt_queue_is_refused(&uring->queue)) {
            wt_roles_wait_for_reaper(&uring->roles, &uring->queue.lock);
        }
    }
    wt_roles_stop_asking(&uring->roles);
    return !wt_queue_is_refused(&uring->queue);
}

/*
 * The caller rests, if nothing is in flight and a submitter is likely to take what comes. Returns whether the caller is to
 * wait in the kernel after that. With the lock held, and not while it rests.
 */
static bool rest(struct uring *uring, int64_t until_ns) {
    bool may_rest = uring->queue.prompt && !wt_queue_has_work(&uring->queue) && !wt_queue_is_refused(&uring->queue);
    if (!may_rest) {
        return true;
    }
    wt_hold_back_stop(&uring->hold_back);
    wt_roles_rest(&uring->roles, &uring->queue.lock, until_ns);
    return wt_queue_has_work(&uring->queue) && !uring->roles.woken;
}

static struct __kernel_timespec time_until(int64_t until_ns) {
    int64_t left_ns = until_ns - wt_now_ns();
    left_ns = left_ns > 0 ? left_ns : 0;
    return (struct __kernel_timespec){.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
}

/*
 * Has the role for one batch, until a time (-1: for ever). False: no completion came by then. With the lock held, and
 * not while it reaps.
 */
static bool reap_as_caller(struct uring *uring, int64_t until_ns) {
    struct wt_flush *own = NULL;
    bool taken = false;
    wt_roles_take_as_caller(&uring->roles);
    submit_now(uring);
    if (rest(uring, until_ns)) {
        struct __kernel_timespec timeout = time_until(until_ns);
        wt_unlock(&uring->queue.lock);
        taken = reap_batch(uring, until_ns < 0 ? NULL : &timeout, &own);
        wt_lock(&uring->queue.lock);
    }
    wt_roles_leave_as_caller(&uring->roles);
    if (wt_queue_is_refused(&uring->queue)) {
        wt_roles_call_reaper(&uring->roles);
    }
    if (own != NULL) {
        wt_hold_back_stop(&uring->hold_back);
        if (wt_queue_has_work(&uring->queue)) { /* a bystander may have been sent meanwhile */
            wt_roles_ensure_watched(&uring->roles);
        }
        run_own_flush(uring, own);
    }
    return taken || uring->roles.woken;
}

static int uring_reap(struct wt_backend *backend, int64_t timeout_ns) {
    struct uring *uring = uring_of(backend);
    if (!(uring->queue.ring.features & IORING_FEAT_EXT_ARG)) {
        return -EOPNOTSUPP; /* before Linux 5.11 a timeout needs the submission queue */
    }
    int64_t until_ns = timeout_ns < 0 ? -1 : wt_deadline_ns(timeout_ns < WAIT_MOST_NS ? timeout_ns : WAIT_MOST_NS);
    int rc = start_threads(uring); /* the reaper sees to what a refused ring leaves */
    if (rc < 0) {
        return rc;
    }
    wt_lock(&uring->queue.lock);
    if (!ask_for_role(uring)) {
        wt_unlock(&uring->queue.lock);
        return -EOPNOTSUPP;
    }
    if (!wt_roles_begin(&uring->roles)) {
        wt_unlock(&uring->queue.lock);
        return -EBUSY;
    }
    bool patient = timeout_ns < 0 || timeout_ns >= PATIENCE_NS;
    wt_shared_flush_set_patient(&uring->shared_flush, patient);
    bool taken = uring->roles.woken; /* the nudge for it may have been taken by the reaper */
    if (!taken) {
        taken = reap_as_caller(uring, until_ns);
    }
    uring->roles.woken = false;
    if (taken) {
        wt_hold_back_begin(&uring->hold_back);
    } else {
        wt_hold_back_stop(&uring->hold_back);
    }
    if (wt_queue_has_work(&uring->queue)) {
        wt_roles_ensure_watched(&uring->roles);
    }
    wt_unlock(&uring->queue.lock);
    return taken;
}

static void uring_wake(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    wt_lock(&uring->queue.lock);
    uring->roles.woken = true;
    nudge(uring);
    wt_unlock(&uring->queue.lock);
}

/* ---- submission ------------------------------------------------------------------------------------------------ */

static void refuse(struct wt_io *list, int error) {
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        io->error = error;
        io->complete(io);
    }
}

static bool any_urgent(const struct wt_io *list) {
    bool urgent = false;
    for (; list != NULL; list = list->next) {
        urgent = urgent || list->high_priority;
    }
    return urgent;
}

static void submit_list(struct uring *uring, struct wt_io *list) {
    bool urgent = any_urgent(list);
    wt_lock(&uring->queue.lock);
    unsigned count = wt_queue_add(&uring->queue, list);
    /* A device that takes no time leaves a caller nothing to come back for but what it submits itself. */
    bool comes = !uring->queue.prompt || wt_hold_back_is_own(&uring->hold_back);
    if (!urgent && comes && wt_roles_caller_is_away(&uring->roles) && wt_hold_back_may(&uring->hold_back, count)) {
        wt_hold_back_add(&uring->hold_back, count);
    } else {
        submit_now(uring);
    }
    wt_roles_ensure_watched(&uring->roles);
    wt_unlock(&uring->queue.lock);
}

static void count_and_decide(struct uring *uring, struct wt_io *list) {
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        (void)wt_shared_flush_begin(&uring->shared_flush, io); /* the flushes are those of the files */
    }
    wt_shared_flush_decide(&uring->shared_flush, list);
}

static void uring_submit(struct wt_backend *backend, struct wt_io *list) {
    struct uring *uring = uring_of(backend);
    if (submit_to_substitute(uring, list)) {
        return;
    }
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_posix_begin(io);
    }
    int rc = start_threads(uring);
    if (rc < 0) {
        refuse(list, rc); /* without a thread of ours they can only complete here */
        return;
    }
    count_and_decide(uring, list);
    submit_list(uring, list);
}

/* With a polled ring: each I/O goes to the one that can have it. */
static void polled_submit(struct wt_backend *backend, struct wt_io *list) {
    struct uring *uring = uring_of(backend);
    struct wt_io_list polled = {0};
    struct wt_io_list others = {0};
    if (submit_to_substitute(uring, list)) {
        return;
    }
    int rc = start_threads(uring);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_posix_begin(io);
    }
    if (rc < 0) {
        refuse(list, rc);
        return;
    }
    count_and_decide(uring, list);
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        wt_io_list_push(io->through_page_cache ? &others : &polled, io);
    }
    if (polled.first != NULL) {
        submit_list(uring->polled, polled.first);
    }
    if (others.first != NULL) {
        submit_list(uring, others.first);
    }
}

static void uring_release(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    if (!wt_hold_back_any(&uring->hold_back)) {
        return;
    }
    wt_lock(&uring->queue.lock);
    submit_now(uring);
    wt_unlock(&uring->queue.lock);
}

static void uring_arena(struct wt_backend *backend, void *base, size_t bytes) {
    struct uring *uring = uring_of(backend);
    struct uring *direct = uring->polled != NULL ? uring->polled : uring;
    wt_registry_arena(&direct->queue.registry, base, bytes);
}

static void end_reaper(struct uring *uring) {
    wt_lock(&uring->queue.lock);
    uring->roles.closing = true;
    if (uring->main == uring) {
        nudge(uring);
    }
    wt_roles_call_reaper(&uring->roles);
    wt_unlock(&uring->queue.lock);
    wt_join(uring->reaper);
    wt_queue_wait_for_submitter(&uring->queue);
}

static void close_ring(struct uring *uring) {
    if (uring->started) {
        end_reaper(uring);
    }
    assert(uring->shared_flush.durable_writes == 0 && uring->shared_flush.bystanders == 0);
    assert(uring->shared_flush.due == NULL);
    wt_queue_close(&uring->queue);
    wt_roles_close(&uring->roles);
    free(uring);
}

static void uring_close(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    struct wt_backend *substitute = atomic_load_explicit(&uring->substitute, memory_order_acquire);
    if (substitute != NULL) {
        substitute->ops->close(substitute);
    }
    wt_bursts_close(&uring->bursts);
    if (uring->polled != NULL) {
        close_ring(uring->polled);
    }
    close_ring(uring);
}

/* ---- the ring of a lane ---------------------------------------------------------------------------------------- */

/*
 * A lane's ring is one of its own kind: one thread submits and reaps, and nothing else serves the ring. There is no reaper,
 * nobody has the role to reap, and the lock meets nobody. Once the kernel refuses the ring, its I/O goes to the backend.
 */

/* Hands to the backend what a refused ring has left. With the lock held, and not meanwhile. */
static void hand_over(struct uring *lane) {
    struct wt_backend *backend = &lane->of_engine->backend;
    while (wt_queue_is_refused(&lane->queue)) {
        struct wt_flush *flush = lane->shared_flush.due;
        struct wt_io *io = flush == NULL ? wt_queue_pop(&lane->queue) : NULL;
        if (flush != NULL) {
            (void)run_lists(lane);
            continue;
        }
        if (io == NULL) {
            return;
        }
        wt_unlock(&lane->queue.lock);
        wt_shared_flush_leave(&lane->shared_flush, io);
        wt_io_rewind(io); /* a part of it may be done */
        backend->ops->submit(backend, io);
        wt_lock(&lane->queue.lock);
    }
}

static void lane_submit(struct wt_backend *backend, struct wt_io *list) {
    struct uring *lane = uring_of(backend);
    struct wt_io_list own = {0}, others = {0};
    bool refused = wt_queue_is_refused(&lane->queue);
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        wt_posix_begin(io);
        wt_io_list_push(!refused && wt_shared_flush_begin(&lane->shared_flush, io) ? &own : &others, io);
    }
    if (others.first != NULL) {
        lane->of_engine->backend.ops->submit(&lane->of_engine->backend, others.first);
    }
    if (own.first != NULL) {
        wt_shared_flush_decide(&lane->shared_flush, own.first);
        wt_lock(&lane->queue.lock);
        (void)wt_queue_add(&lane->queue, own.first);
        (void)wt_queue_submit(&lane->queue);
        backend->takes_time = lane->queue.in_flight > wt_queue_count_ready(&lane->queue);
        hand_over(lane);
        wt_unlock(&lane->queue.lock);
    }
}

static int lane_reap(struct wt_backend *backend, int64_t timeout_ns) {
    struct uring *lane = uring_of(backend);
    bool waits = timeout_ns != 0 && timeout_ns != WT_REAP_PATIENTLY;
    int64_t wait_ns = !waits ? 0 : timeout_ns < WAIT_MOST_NS ? timeout_ns : WAIT_MOST_NS;
    struct __kernel_timespec timeout = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    struct wt_flush *own = NULL;
    if (!waits && !wt_queue_is_ready(&lane->queue)) {
        return 0;
    }
    if (waits && wt_queue_is_refused(&lane->queue) && !wt_queue_has_work(&lane->queue)) {
        wt_queue_await_wake(&lane->queue, wait_ns); /* the backend has all */
        return 0;
    }
    wt_shared_flush_set_patient(&lane->shared_flush, timeout_ns < 0 || timeout_ns >= PATIENCE_NS);
    bool some = reap_batch(lane, wait_ns < 0 ? NULL : &timeout, &own);
    (void)wt_plug_send(); /* what the completions have launched: before a flush */
    wt_lock(&lane->queue.lock);
    hand_over(lane);
    if (own != NULL) {
        run_own_flush(lane, own);
    }
    bool rests = wt_queue_is_refused(&lane->queue) && !some && waits && lane->queue.in_flight > 0;
    wt_unlock(&lane->queue.lock);
    if (own != NULL) {
        (void)wt_plug_send(); /* what the flushed have launched */
    }
    if (rests) {
        wt_queue_poke(&lane->queue);
    }
    return some;
}

static bool lane_pump(struct wt_backend *backend) {
    if (!wt_queue_has_work(&uring_of(backend)->queue)) {
        return false;
    }
    (void)lane_reap(backend, -1);
    return true;
}

static void lane_wake(struct wt_backend *backend) {
    wt_queue_wake(&uring_of(backend)->queue);
}

static void lane_close(struct wt_backend *backend) {
    struct uring *lane = uring_of(backend);
    wt_shared_flush_close(&lane->shared_flush);
    close_ring(lane);
}

static const struct wt_backend_ops lane_ops = {
    .name = "lane",
    .kind = WT_BACKEND_IO_URING,
    .submit = lane_submit,
    .close = lane_close,
    .pump = lane_pump,
    .reap = lane_reap,
    .wake = lane_wake,
    .arena = uring_arena,
};

static int new_uring(unsigned entries, unsigned setup, struct uring **result);

static int uring_lane_open(struct wt_backend *backend, unsigned entries, struct wt_backend **ring) {
    struct uring *lane = NULL;
    int rc = new_uring(entries, WT_QUEUE_OF_ONE_THREAD, &lane);
    if (rc < 0) {
        return rc;
    }
    lane->backend.ops = &lane_ops;
    lane->of_engine = uring_of(backend);
    lane->shared_flush.has_own = true;
    if ((lane->queue.ring.features & IORING_FEAT_EXT_ARG) == 0) { /* see uring_reap */
        lane_close(&lane->backend);
        return -EOPNOTSUPP;
    }
    *ring = &lane->backend;
    return 0;
}

/* ---- the backend ----------------------------------------------------------------------------------------------- */

static struct wt_burst *uring_burst_begin(struct wt_backend *backend) {
    return wt_burst_begin(&uring_of(backend)->bursts);
}

static const struct wt_backend_ops uring_ops = {
    .name = "io_uring",
    .kind = WT_BACKEND_IO_URING,
    .open = wt_posix_open,
    .submit = uring_submit,
    .close = uring_close,
    .release = uring_release,
    .reap = uring_reap,
    .wake = uring_wake,
    .arena = uring_arena,
    .lane_open = uring_lane_open,
    .burst_begin = uring_burst_begin,
    .burst_start = wt_burst_start,
    .burst_end = wt_burst_end,
};

/* ---- files that can be polled ---------------------------------------------------------------------------------- */

/* Its result, or -errno. */
static int poll_for_read(struct io_uring *ring) {
    struct io_uring_cqe *cqe;
    unsigned pauses = 0;
    int rc;
    while (io_uring_peek_cqe(ring, &cqe) < 0) {
        rc = io_uring_get_events(ring);
        if (rc < 0 && !wt_ring_ask_again(rc, &pauses)) {
            return rc;
        }
    }
    return cqe->res == -EOPNOTSUPP || cqe->res == -EINVAL ? -EOPNOTSUPP : 0; /* other errors are for the caller's I/O */
}

/* Asks the kernel by a polled read of one block, which transfers nothing from a file that was just created. */
static int try_polled_read(int fd, uint32_t length) {
    struct io_uring ring;
    void *block = aligned_alloc(4096, 4096); /* no block is larger */
    int rc = block != NULL ? io_uring_queue_init(RING_ENTRIES_MIN, &ring, IORING_SETUP_IOPOLL) : -ENOMEM;
    if (rc < 0) {
        free(block);
        return rc;
    }
    io_uring_prep_read(io_uring_get_sqe(&ring), fd, block, length, 0);
    rc = wt_ring_enter(&ring);
    bool sent = rc == 0;
    rc = sent ? poll_for_read(&ring) : rc;
    wt_ring_exit(&ring);
    if (!sent || rc == 0 || rc == -EOPNOTSUPP) {
        free(block); /* else the device may still write to it */
    }
    return rc;
}

/* Polling is of use where the device has queues without interrupts, and the file system has to pass it on. */
static int check_polled(const struct wt_core_profile *profile, int fd) {
    if (profile->path != WT_PATH_DIRECT || !wt_probe_polled(profile)) {
        return -EOPNOTSUPP;
    }
    return try_polled_read(fd, profile->block_bytes);
}

static int polled_open(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                       struct wt_backing **backing) {
    (void)backend;
    return wt_posix_open_checked(path, flags, mode, check_polled, backing);
}

/* ---- opening the backend --------------------------------------------------------------------------------------- */

/* One thread cannot wait for the completions of two rings: no caller reaps. */
static const struct wt_backend_ops polled_ops = {
    .name = "io_uring",
    .kind = WT_BACKEND_IO_URING,
    .open = polled_open,
    .submit = polled_submit,
    .close = uring_close,
    .arena = uring_arena,
    .lane_open = uring_lane_open,
    .burst_begin = uring_burst_begin,
    .burst_start = wt_burst_start,
    .burst_end = wt_burst_end,
};

static int new_uring(unsigned entries, unsigned setup, struct uring **result) {
    struct uring *uring = calloc(1, sizeof *uring);
    if (uring == NULL) {
        return -ENOMEM;
    }
    wt_roles_open(&uring->roles);
    uring->main = uring->of_engine = uring;
    int rc = wt_queue_open(&uring->queue, entries, setup, &uring->roles, &uring->shared_flush);
    if (rc < 0) {
        wt_roles_close(&uring->roles);
        free(uring);
        return rc;
    }
    *result = uring;
    return 0;
}

int wt_io_uring_open(const struct wt_engine_options *options, struct wt_backend **backend) {
    unsigned entries = options->ring_entries != 0 ? options->ring_entries : RING_ENTRIES_DEFAULT;
    if (entries < RING_ENTRIES_MIN || entries > RING_ENTRIES_MAX || (entries & (entries - 1)) != 0) {
        return -EINVAL;
    }
    /* A thread of the kernel serves the ring that carries the data. */
    bool polled = (options->flags & WT_ENGINE_IOPOLL) != 0;
    unsigned setup = (options->flags & WT_ENGINE_SQPOLL) != 0 ? IORING_SETUP_SQPOLL : 0;
    struct uring *uring = NULL;
    int rc = new_uring(entries, polled ? 0 : setup, &uring);
    if (rc < 0) {
        return rc;
    }
    assert(uring != NULL);
    rc = wt_bursts_open(&uring->bursts, &uring->backend);
    if (rc < 0) {
        close_ring(uring);
        return rc;
    }
    uring->threads = options->threads;
    uring->backend.ops = &uring_ops;
    if (polled) {
        uring->backend.ops = &polled_ops;
        rc = new_uring(entries, setup | IORING_SETUP_IOPOLL, &uring->polled);
        if (rc < 0) {
            uring_close(&uring->backend);
            return rc;
        }
        uring->polled->main = uring->polled->of_engine = uring;
    }
    *backend = &uring->backend;
    return 0;
}
