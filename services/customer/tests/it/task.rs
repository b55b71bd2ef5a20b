//! Tasks: their states, series and escalation.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::time;
use crm_proto::crm::customer::v1::{
    BlockTaskRequest, CancelTaskRequest, CompleteTaskRequest, CompleteTaskResponse, CreateTaskRequest,
    DeferTaskRequest, GetTaskRequest, ListTasksRequest, Recurrence, StartTaskRequest, Task,
    UpdateTaskRequest,
    recurrence::Frequency,
    task::{Escalation, Priority, State},
    task_service_client::TaskServiceClient,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, field_mask, named};

fn client(rig: &Rig, caller: &Caller) -> TaskServiceClient<Wired> {
    TaskServiceClient::new(caller.on(&rig.channel))
}

async fn create(rig: &Rig, caller: &Caller, task: Task) -> Result<Task, Status> {
    let request = CreateTaskRequest { task: Some(task) };
    client(rig, caller).create_task(request).await.map(tonic::Response::into_inner)
}

async fn get(rig: &Rig, caller: &Caller, id: &str) -> Task {
    client(rig, caller).get_task(GetTaskRequest { id: id.into() }).await.unwrap().into_inner()
}

async fn complete(rig: &Rig, caller: &Caller, id: &str) -> Result<CompleteTaskResponse, Status> {
    let request = CompleteTaskRequest { id: id.into(), etag: String::new() };
    client(rig, caller).complete_task(request).await.map(tonic::Response::into_inner)
}

fn due(at: DateTime<Utc>) -> Task {
    Task { display_name: "Call back".into(), due_time: Some(time::timestamp(at)), ..Task::default() }
}

#[tokio::test]
async fn a_task_goes_through_its_states_and_stays_where_it_ends() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let mut tasks = client(&rig, &me);
    let wanted = Task { account_id: account.id, ..due(rig.clock.now() + TimeDelta::hours(1)) };
    let made = create(&rig, &me, wanted).await.unwrap();
    assert_eq!((made.state(), made.priority()), (State::NotStarted, Priority::Medium));
    assert_eq!((made.escalation(), made.escalation_delay_hours), (Escalation::AfterDelay, 24));
    assert_eq!(made.overdue_duration, None);
    let (id, etag) = (made.id.clone(), String::new());

    let blocked = BlockTaskRequest { id: id.clone(), etag: made.etag, state_reason: "no parts".into() };
    let blocked = tasks.block_task(blocked).await.unwrap().into_inner();
    assert_eq!((blocked.state(), blocked.state_reason.as_str()), (State::Blocked, "no parts"));
    let nameless = BlockTaskRequest { id: id.clone(), etag: etag.clone(), state_reason: String::new() };
    assert_error(tasks.block_task(nameless).await, Code::InvalidArgument, "FIELD_INVALID");

    rig.clock.advance(TimeDelta::hours(3));
    assert_eq!(get(&rig, &me, &id).await.overdue_duration.unwrap().seconds, 7200);
    let later = Some(time::timestamp(rig.clock.now() + TimeDelta::days(1)));
    let put_off = DeferTaskRequest {
        id: id.clone(),
        etag: etag.clone(),
        state_reason: "summer".into(),
        due_time: later,
    };
    let put_off = tasks.defer_task(put_off).await.unwrap().into_inner();
    assert_eq!((put_off.state(), put_off.due_time, put_off.overdue_duration), (State::Deferred, later, None));

    let started = StartTaskRequest { id: id.clone(), etag: etag.clone() };
    let started = tasks.start_task(started).await.unwrap().into_inner();
    assert_eq!((started.state(), started.state_reason.as_str()), (State::InProgress, ""));
    assert_eq!(started.start_time, Some(time::timestamp(rig.clock.now())));
    let done = complete(&rig, &me, &id).await.unwrap();
    assert_eq!(done.next_task, None);
    let done = done.task.unwrap();
    assert_eq!((done.state(), done.end_time), (State::Completed, started.start_time));

    let status = complete(&rig, &me, &id).await;
    let status = assert_error(status, Code::FailedPrecondition, "TASK_MOVE_REFUSED");
    assert_eq!(metadata(&status, "from"), "STATE_COMPLETED");
    let cancel = CancelTaskRequest { id: id.clone(), etag, state_reason: String::new() };
    assert_error(tasks.cancel_task(cancel).await, Code::FailedPrecondition, "TASK_MOVE_REFUSED");
    let stale = StartTaskRequest { id, etag: blocked.etag };
    assert_error(tasks.start_task(stale).await, Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn an_update_moves_no_state_and_a_creation_takes_the_state_of_another_system() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let old = Task { state: State::Completed.into(), ..due(rig.clock.now() - TimeDelta::days(9)) };
    let old = create(&rig, &me, old).await.unwrap();
    assert_eq!((old.state(), old.overdue_duration), (State::Completed, None));
    let blocked = Task { state: State::Blocked.into(), ..due(rig.clock.now()) };
    let status = assert_error(create(&rig, &me, blocked).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "task.state_reason");
    let change = UpdateTaskRequest {
        task: Some(Task { id: old.id.clone(), state: State::InProgress.into(), ..Task::default() }),
        update_mask: field_mask(&["state"]),
    };
    let status = client(&rig, &me).update_task(change).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "task.state");
    // What was read may be written back whole.
    let whole = UpdateTaskRequest { task: Some(old.clone()), update_mask: field_mask(&["*"]) };
    assert_eq!(client(&rig, &me).update_task(whole).await.unwrap().into_inner(), old);
}

#[tokio::test]
async fn completing_a_task_that_repeats_makes_the_next_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let first_due = rig.clock.now() + TimeDelta::hours(2);
    let weekly = Recurrence {
        frequency: Frequency::Weekly.into(),
        interval: 0,
        until_time: Some(time::timestamp(first_due + TimeDelta::days(21))),
    };
    let undated = Task { recurrence: Some(weekly), due_time: None, ..due(first_due) };
    let status = assert_error(create(&rig, &me, undated).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "task.due_time");
    let task = Task {
        recurrence: Some(weekly),
        account_id: account.id.clone(),
        priority: Priority::High.into(),
        ..due(first_due)
    };
    let task = create(&rig, &me, task).await.unwrap();
    assert_eq!(task.series_id, task.id);

    let request = || {
        let mut request = Request::new(CompleteTaskRequest { id: task.id.clone(), etag: task.etag.clone() });
        request.metadata_mut().insert("idempotency-key", "done-1".parse().unwrap());
        request
    };
    let once = client(&rig, &me).complete_task(request()).await.unwrap().into_inner();
    let twice = client(&rig, &me).complete_task(request()).await.unwrap().into_inner();
    assert_eq!(once, twice);
    let next = once.next_task.unwrap();
    assert_eq!((next.state(), next.priority()), (State::NotStarted, Priority::High));
    assert_eq!((next.series_id.clone(), next.account_id.clone()), (task.id.clone(), account.id));
    assert_eq!(next.due_time, Some(time::timestamp(first_due + TimeDelta::days(7))));

    // Done late: the times that went by are left out, and the series keeps its day.
    rig.clock.advance(TimeDelta::days(15));
    let third = complete(&rig, &me, &next.id).await.unwrap().next_task.unwrap();
    assert_eq!(third.due_time, Some(time::timestamp(first_due + TimeDelta::days(21))));
    assert_eq!(complete(&rig, &me, &third.id).await.unwrap().next_task, None);
    let all = client(&rig, &me).list_tasks(ListTasksRequest::default()).await.unwrap().into_inner().tasks;
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn two_who_complete_at_once_make_one_next_task() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let daily = Some(Recurrence { frequency: Frequency::Daily.into(), ..Recurrence::default() });
    let task = Task { recurrence: daily, ..due(rig.clock.now()) };
    let task = create(&rig, &me, task).await.unwrap();
    let both = futures::future::join_all((0..6).map(|_| complete(&rig, &me, &task.id))).await;
    assert_eq!(both.iter().filter(|answer| answer.is_ok()).count(), 1);
    let all = client(&rig, &me).list_tasks(ListTasksRequest::default()).await.unwrap().into_inner().tasks;
    assert_eq!(all.len(), 2);
}

/// Makes `superior` the superior of `who`, as the people directory would have learned it.
async fn report(rig: &Rig, who: &Caller, superior: Uuid) {
    let mut conn = rig.database.look().await;
    sqlx::query(
        "INSERT INTO colleague (tenant_id, id, display_name, username, email, state, superior_id, department_ids, change_time, learn_time) \
         VALUES ($1, $2, 'x', 'x', '', 1, $3, '{}', now(), now())",
    )
    .bind(who.tenant_id)
    .bind(who.id)
    .bind(superior)
    .execute(&mut conn)
    .await
    .unwrap();
}

/// The task after its superior was told.
async fn told(rig: &Rig, caller: &Caller, id: &str) -> Task {
    for _ in 0..200 {
        rig.escalate().await;
        let task = get(rig, caller, id).await;
        if task.escalate_time.is_some() {
            return task;
        }
        // The service walks by itself too, and holds the task right now.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the superior was not told");
}

#[tokio::test]
async fn the_superior_is_told_once_of_a_task_that_stays_undone() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    report(&rig, &anna, boss.id).await;
    let now = rig.clock.now();
    let two_hours = |task: Task| Task { escalation_delay_hours: 2, ..task };
    let late = create(&rig, &anna, two_hours(due(now + TimeDelta::hours(1)))).await.unwrap();
    let done = create(&rig, &anna, two_hours(due(now + TimeDelta::hours(1)))).await.unwrap();
    let quiet = Task { escalation: Escalation::None.into(), ..two_hours(due(now + TimeDelta::hours(1))) };
    let quiet = create(&rig, &anna, quiet).await.unwrap();
    complete(&rig, &anna, &done.id).await.unwrap();
    rig.clock.advance(TimeDelta::hours(2));
    let probe = create(&rig, &anna, two_hours(due(rig.clock.now() - TimeDelta::hours(5)))).await.unwrap();
    told(&rig, &boss, &probe.id).await;
    // Overdue, and not yet long enough.
    assert_eq!(get(&rig, &boss, &late.id).await.escalate_time, None);
    rig.clock.advance(TimeDelta::hours(1));
    let first = told(&rig, &boss, &late.id).await;
    assert_eq!(first.escalated_to_id, boss.id.to_string());
    for other in [&done, &quiet] {
        assert_eq!(get(&rig, &boss, &other.id).await.escalate_time, None);
    }
    let filter = format!("escalated_to_id == \"{}\"", boss.id);
    let request = ListTasksRequest { filter, ..ListTasksRequest::default() };
    assert_eq!(client(&rig, &boss).list_tasks(request).await.unwrap().into_inner().tasks.len(), 2);

    // The walk goes again: nothing is told twice.
    let probe = create(&rig, &anna, two_hours(due(rig.clock.now() - TimeDelta::hours(9)))).await.unwrap();
    told(&rig, &boss, &probe.id).await;
    assert_eq!(get(&rig, &boss, &late.id).await.etag, first.etag);
    // A new due time is a new chance to be late.
    let moved = UpdateTaskRequest {
        task: Some(Task { id: late.id.clone(), ..due(rig.clock.now() + TimeDelta::hours(1)) }),
        update_mask: field_mask(&["due_time"]),
    };
    let moved = client(&rig, &anna).update_task(moved).await.unwrap().into_inner();
    assert_eq!((moved.escalate_time, moved.escalated_to_id.as_str()), (None, ""));
    rig.clock.advance(TimeDelta::hours(3));
    assert_ne!(told(&rig, &boss, &late.id).await.escalate_time, first.escalate_time);
}

#[tokio::test]
async fn a_walk_tells_in_every_tenant_and_waits_for_no_task_that_somebody_holds() {
    let rig = Rig::new().await;
    let late = due(rig.clock.now() - TimeDelta::days(3));
    let mut made = Vec::new();
    for _ in 0..3 {
        let boss = rig.administrator();
        made.push((create(&rig, &boss, late.clone()).await.unwrap().id, boss));
    }
    let quiet = rig.administrator();
    create(&rig, &quiet, due(rig.clock.now() + TimeDelta::days(3))).await.unwrap();
    // No write touches a row that other writes of the tenant touch.
    let jobs = "SELECT count(*) FROM job WHERE tenant_id = $1";
    assert_eq!(rig.count(jobs, &quiet.tenant_id.to_string()).await, 0);
    let mut conn = rig.database.look().await;
    sqlx::raw_sql("BEGIN").execute(&mut conn).await.unwrap();
    let held = "SELECT 1 FROM task WHERE id = $1::uuid FOR UPDATE";
    sqlx::query(held).bind(&made[0].0).execute(&mut conn).await.unwrap();
    for (id, boss) in &made[1..] {
        told(&rig, boss, id).await;
    }
    assert_eq!(get(&rig, &made[0].1, &made[0].0).await.escalate_time, None);
    sqlx::raw_sql("ROLLBACK").execute(&mut conn).await.unwrap();
    told(&rig, &made[0].1, &made[0].0).await;
}

#[tokio::test]
async fn the_walls_hold_for_tasks() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let anna = rig.callers.add(&rights.clone().with_team(&[]));
    let bert = rig.callers.add(&rights.clone().with_team(&[]));
    let reader = rig.callers.add(&rights.with_permissions(&["customer.tasks.read"]));
    let task = create(&rig, &anna, due(rig.clock.now())).await.unwrap();
    assert_error(complete(&rig, &bert, &task.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(complete(&rig, &rig.administrator(), &task.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(complete(&rig, &reader, &task.id).await, Code::PermissionDenied, "PERMISSION_MISSING");
    let account = rig.create(&bert, named("bert's")).await.unwrap();
    let about = Task { account_id: account.id, ..due(rig.clock.now()) };
    let status = assert_error(create(&rig, &anna, about).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(violations(&status)[0].0, "task.account_id");
}
