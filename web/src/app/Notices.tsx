// Short notices of what was done, at the edge of the screen.
import '@mantine/core/styles/Notification.css';
import '@mantine/notifications/styles.css';
import { Notifications } from '@mantine/notifications';

export default function Notices() {
  return <Notifications position="bottom-right" autoClose={6000} />;
}
