//! The permission table: what owner, admin and member may do.

use rialto_tests::{Person, Rialto, json};

struct Company {
    _node: Rialto,
    owner: Person,
    admin: Person,
    member: Person,
    other: Person,
}

/// One group with somebody of each role, all of whom are looking at it.
async fn company() -> Company {
    let node = Rialto::start(&[]).await;
    let (mut owner, mut admin) = node.two_people("owner", "admin").await;
    let (mut member, mut other) = node.two_people("member", "other").await;
    let room = owner.opens_group("company", &[&admin, &member, &other]).await;
    for person in [&mut admin, &mut member, &mut other] {
        person.enters(&room).await;
    }
    owner.does("conversation.set_role", json!({"user": admin.id(), "role": "admin"})).await;
    let change = member.sees("role_changed").await;
    assert_eq!(change["data"]["user"], admin.id());
    assert_eq!(change["data"]["role"], "admin");
    assert_eq!(change["data"]["by"], owner.id());
    Company { _node: node, owner, admin, member, other }
}

const FORBIDDEN: u64 = 403;

#[tokio::test]
async fn a_member_may_talk_and_nothing_more() {
    let mut company = company().await;
    let (owner, other) = (company.owner.id().to_owned(), company.other.id().to_owned());
    let theirs = company.other.says("mine").await;
    let member = &mut company.member;
    member.says("hello").await;
    for (method, details) in [
        ("remove", json!({"user": other})),
        ("remove", json!({"user": owner})),
        ("set_role", json!({"user": other, "role": "admin"})),
        ("set_role", json!({"user": member.id(), "role": "owner"})),
        ("set", json!({"title": "mine now"})),
        ("edit", json!({"target": theirs, "text": "not yours"})),
        ("delete", json!({"target": theirs})),
    ] {
        assert_eq!(member.may_not(&format!("conversation.{method}"), details.clone()).await, FORBIDDEN, "{method} {details}");
    }
}

#[tokio::test]
async fn an_admin_keeps_order_but_does_not_rule() {
    let mut company = company().await;
    let (owner, other) = (company.owner.id().to_owned(), company.other.id().to_owned());
    let theirs = company.other.says("spam").await;
    let admin = &mut company.admin;
    admin.does("conversation.set", json!({"title": "tidy"})).await;
    admin.does("conversation.delete", json!({"target": theirs})).await;
    assert_eq!(admin.may_not("conversation.edit", json!({"target": theirs, "text": "x"})).await / 100, 4);
    assert_eq!(admin.may_not("conversation.remove", json!({"user": owner})).await, FORBIDDEN);
    assert_eq!(admin.may_not("conversation.set_role", json!({"user": owner, "role": "member"})).await, FORBIDDEN);
    let (own_id, details) = (admin.id().to_owned(), json!({"user": admin.id(), "role": "owner"}));
    assert_eq!(admin.may_not("conversation.set_role", details).await, FORBIDDEN, "{own_id}");
    admin.does("conversation.remove", json!({"user": other})).await;
    assert_eq!(company.member.sees("member_removed").await["data"]["user"], other);
}

#[tokio::test]
async fn an_owner_may_raise_and_lower() {
    let mut company = company().await;
    let admin_id = company.admin.id().to_owned();
    company.owner.does("conversation.set_role", json!({"user": admin_id, "role": "member"})).await;
    company.admin.sees("role_changed").await;
    let change = company.admin.sees("role_changed").await;
    assert_eq!(change["data"]["role"], "member");
    assert_eq!(company.admin.may_not("conversation.set", json!({"title": "x"})).await, FORBIDDEN);
    let code = company.owner.may_not("conversation.set_role", json!({"user": admin_id, "role": "emperor"})).await;
    assert_eq!(code, 400);
}
