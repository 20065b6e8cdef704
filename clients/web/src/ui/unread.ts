/** The mark of the app with a dot on it; as an address, because the policy of the page lets no blob in. */
const DOTTED = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4f46c8"/>'
  + '<path d="M6 22.5v-2.5c0-5.5 4.5-10 10-10s10 4.5 10 10v2.5h-4.5v-2.2a5.5 5.5 0 0 0-11 0v2.2z" fill="#fff"/>'
  + '<circle cx="25" cy="7" r="6.5" fill="#e5484d" stroke="#fff" stroke-width="1.5"/></svg>',
)}`;

/** Says how much is unread where it is seen without looking at the page: title, icon, and the badge of the installed app. */
export function showUnread(unread: number): void {
  document.title = unread > 0 ? `(${unread}) Rialto` : 'Rialto';
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  const wanted = unread > 0 ? DOTTED : '/icon.svg';
  if (icon !== null && icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  // Where it is not supported, or the app is not installed, there is no badge.
  if ('setAppBadge' in navigator) void navigator.setAppBadge(unread).catch(() => undefined);
}
