// Who may decide an approval, as SQL: whoever the groups named when it was asked and who still is that now, and never the person whose agent
// asks. The gate asks it of whoever said yes, when the call comes; the portal of whoever wants to say it.

/** Whether the member with this id (an SQL expression) may decide the row of `approvals` under this alias. */
export function mayDecideSql(approval: string, member: string): string {
  return `(${member} <> ${approval}.member_id AND EXISTS (
      SELECT FROM members dm WHERE dm.organization_id = ${approval}.organization_id AND dm.id = ${member}
        AND (dm.id = ANY(${approval}.approver_members) OR EXISTS (
          SELECT FROM group_members dg WHERE dg.organization_id = ${approval}.organization_id AND dg.member_id = dm.id
            AND dg.group_id = ANY(${approval}.approver_groups)))))`;
}

/** The state of a row of `approvals` now: one whose time is over has ended, also before anybody notes it. */
export const stateSql = (approval: string): string =>
  `CASE WHEN ${approval}.state IN ('open', 'approved') AND ${approval}.expires_at <= now() THEN 'ended' ELSE ${approval}.state END`;
