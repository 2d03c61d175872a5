// A page that does not exist, or not for this person: both look the same.
import { Entrance } from '@/components/entrance/entrance';
import { ButtonLink } from '@/components/ui/button';

export const metadata = { title: 'Not found' };

export default function NotFound() {
  return (
    <Entrance title="There is no such page" description="The address is wrong, or what was here is gone.">
      <ButtonLink href="/" variant="primary">
        Go to your home
      </ButtonLink>
    </Entrance>
  );
}
