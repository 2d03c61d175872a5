// Where no client asks anything: decided, over, or begun in another browser.
import { Entrance } from '@/components/entrance/entrance';
import { ButtonLink } from '@/components/ui/button';

export default function NothingAsked() {
  return (
    <Entrance
      title="No client is asking here"
      description="A request lives half an hour, is decided once, and only in the browser in which the client began it. Begin again in the client."
    >
      <ButtonLink href="/">To Gatehouse</ButtonLink>
    </Entrance>
  );
}
