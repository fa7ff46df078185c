import '@xterm/xterm/css/xterm.css';
import { announcer } from './announcer.ts';
import { App } from './app.ts';
import { startTheme } from './theme.ts';

/** Beside the page; the name is the guest's folder in public/images. */
const GUEST_URL = './images/debian-amd64/';

startTheme();
const root = document.getElementById('app') ?? document.body;
const app = new App(GUEST_URL);
root.append(...app.elements, announcer());
app.start();
