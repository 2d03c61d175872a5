// What stands in the matrix's place where it has no columns yet, or the filter leaves no row.
import Users from 'lucide-react/icons/users';
import Wrench from 'lucide-react/icons/wrench';
import { aboutTokens, count } from '../tools/words';
import { Button, ButtonLink } from '../ui/button';
import { EmptyState } from '../ui/empty-state';

/** For an organization without groups; `tokens` is what all of its `tools` would cost a model. */
export function FirstGroup({ tools, tokens }: { tools: number; tokens: number }) {
  return (
    <div className="border-line bg-surface rounded-box border">
      <EmptyState
        icon={<Users />}
        title="Make the first group"
        action={
          <ButtonLink href="/admin/groups" variant="primary">
            Go to groups
          </ButtonLink>
        }
      >
        Tools are given to groups of people. As long as there is no group, nobody’s agents can call anything.
        Asana lists {count(tools, 'tool')}, {aboutTokens(tokens)}.
      </EmptyState>
    </div>
  );
}

/** For a filter that no tool passes. */
export function NoToolMatches({ search, onShowAll }: { search: string; onShowAll: () => void }) {
  return (
    <div className="border-line bg-surface rounded-box border">
      <EmptyState
        icon={<Wrench />}
        title="No tool matches"
        action={<Button onClick={onShowAll}>Show all tools</Button>}
      >
        {search ? `Nothing here is called “${search}”.` : 'No tool is in this state.'}
      </EmptyState>
    </div>
  );
}
