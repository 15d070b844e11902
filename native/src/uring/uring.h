// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The backend of an io_uring of its own. Any thread submits, and one thread at a time reaps. Four machines share one
 * lock, wt_queue.lock, and know nothing of each other's insides:
 *
 *   wt_queue         queue.h         lists of what waits; the submitter; what the kernel has; completions
 *   wt_roles         roles.h         who reaps: the reaper or a caller in uring_reap
 *   wt_hold_back     hold_back.h     submissions that wait a moment for a caller that will be back
 *   wt_shared_flush  shared_flush.h  which writes share a flush, and flushes that are due
 *
 * The lock is never held over a system call of the ring, a flush, or a completion. "Submits": the function may send
 * to the kernel, and lets go of the lock while it does. Functions of one line have the same contract.
 *
 *   function                                        by                      lock is             submits
 *   ----------------------------------------------  ----------------------  ------------------  -------
 *   wt_queue_submit, _release                       any                     held, let go        yes
 *   wt_queue_reserve, _add, _add_again, _add_nudge  any                     held                no
 *   wt_queue_end_nudge, _count_completed            who reaps               held                no
 *   wt_queue_pop                                    reaper of refused ring  held                no
 *   wt_queue_has_work                               any                     held                no
 *   wt_queue_count_ready                            who reaps               either              no
 *   wt_queue_is_refused, wt_completion_*            any                     either              no
 *   wt_queue_reap                                   who reaps               taken on refusal    no
 *   wt_queue_poke                                   reaper of refused ring  not held            what the kernel's
 *                                                                                               thread has left
 *   wt_queue_wait_for_submitter                     who closes              taken               no
 *   wt_queue_open, _close                           who opens, closes       not held            to prove the ring
 *   wt_roles_call_all, _call_reaper                 any                     held                no
 *   wt_roles_sleep                                  reaper                  held, let go        no
 *   wt_roles_watch                                  reaper                  held, let go        no
 *   wt_roles_reaper_watches, _watched               reaper                  held                no
 *   wt_roles_take_as_reaper, _leave_as_reaper       reaper                  held                no
 *   wt_roles_wait_for_reaper                        caller that reaps       held, let go        no
 *   wt_roles_ask, _stop_asking, _begin              caller that reaps       held                no
 *   wt_roles_take_as_caller, _leave_as_caller       caller that reaps       held                no
 *   wt_roles_rest                                   caller that reaps       held, let go        no
 *   wt_roles_take_as_submitter, _leave_as_submitter submitter               held                no
 *   wt_roles_caller_rests, _get_up                  any                     held                no
 *   wt_roles_caller_is_away, _ensure_watched        any                     held                no
 *   wt_roles_open, _close                           who opens, closes       not held            no
 *   wt_hold_back_begin, _stop                       caller that reaps       held                no
 *   wt_hold_back_is_own, _may, _add, _end           any                     held                no
 *   wt_hold_back_any                                any                     either              no
 *   wt_shared_flush_begin, _decide, _leave           any                     either              no
 *   wt_shared_flush_set_patient                     who reaps               held                no
 *   wt_shared_flush_add, _take_own, _end            who reaps               held                no
 *   wt_shared_flush_take, _push                     submitter               held                no
 *   of uring.c:
 *   submit_now, nudge, ask_for_role                 any                     held, let go        yes, and by completions
 *   take_for_caller                                 submitter               held, let go        by completions
 *   submit_list, uring_submit, polled_submit        any                     taken               yes
 *   uring_release, uring_wake                       any                     taken               yes
 *   reap_batch, flush_on_main                       who reaps               taken               yes
 *   uring_reap                                      caller                  taken               yes
 *   reap_as_caller, run_own_flush                   caller that reaps       held, let go        yes
 *   rest                                            caller that reaps       held, let go        no
 *   collect, end_flush                              who reaps               held                no
 *   finish, complete, complete_flushed              who reaps               not held            by completions
 *   watch_callers                                   reaper                  held, let go        no
 *   serve_refused, run_lists, wait_refused          reaper of refused ring  held, let go        by completions
 *   run_refused, run_refused_flush                  reaper of refused ring  not held            by completions
 *   open_substitute, submit_to_substitute           reaper, any             not held            to the substitute
 *   start_threads                                   any                     taken               no
 *   end_reaper                                      who closes              taken               yes
 *
 * While callers reap, the reaper sleeps, and looks from time to time whether they still do. On a device that takes no
 * time the callers rest too, and whoever submits takes the completions (roles.h).
 *
 * With IOPOLL there is a second ring, with a queue and a reaper of its own, for direct reads and writes: nothing else
 * can be polled. Its reaper never waits in the kernel: while I/O is in flight it asks the device, otherwise it
 * sleeps. Flushes and I/O through the page cache stay on the first ring, which then has no callers in uring_reap. A
 * thread that holds the lock of one ring does not take the lock of the other.
 *
 * Once the kernel refuses a ring, the reaper takes completions from the ring's memory, and runs the I/O that waits.
 * I/O that is submitted from then on goes to the substitute, a backend of threads.
 */
#ifndef WT_URING_H
#define WT_URING_H

#include "io/io.h"

/* *backend is set on success only. */
int wt_io_uring_open(const struct wt_engine_options *options, struct wt_backend **backend);

#endif
