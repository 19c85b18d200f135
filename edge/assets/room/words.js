// What the page says, in English and Chinese.

const EN = {
  title: 'Room',
  code: 'Invitation code or ID of the room',
  name: 'Your user ID',
  token: 'Channel token, if the app asks for one',
  'join-with': 'Join with',
  camera: 'Camera',
  microphone: 'Microphone',
  join: 'Join',
  people: 'People',
  chat: 'Chat',
  message: 'Message',
  send: 'Send',
  screen: 'Share the screen',
  record: 'Record',
  leave: 'Leave',
  own: (name) => `${name} (you)`,
  'own-screen': (name) => `${name} (you): screen`,
  other: (name) => name,
  'other-screen': (name) => `${name}: screen`,
  said: (name, text) => `${name}: ${text}`,
  server: 'Server',
  controls: 'Controls',
  muted: 'muted',
  alone: (code) => `Nobody else is here yet. Others join with ${code}.`,
  'no-messages': 'Nobody has written anything yet.',
  play: 'Play the sound',
  retry: 'Try again',
  blocked: 'The browser plays the sound when you press the button.',
  failed: 'The media cannot be connected: a firewall may be in the way.',
  'gone-audio': 'The microphone is gone. Connect one, and turn the microphone on again.',
  'gone-camera': 'The camera is gone. Connect one, and turn the camera on again.',
  'server-failed': 'The server has failed: try again.',
  'no-connection': 'No media connection can be made from this network.',
  'too-many-connections': 'The room, or the server, is full.',
  'not-in-room': 'You have been removed from the room.',
  joining: 'Joining …',
  connected: 'Connected',
  connecting: 'Connecting the media …',
  reconnecting: 'The connection is lost: trying again …',
  left: 'You have left the room.',
  insecure: 'Browsers give camera, microphone and screen only to pages of https and of http://localhost or http://127.0.0.1.',
  denied: 'The browser was not allowed to use the camera, the microphone or the screen: allow it in the address bar, and try again.',
  missing: 'There is no camera or microphone of the kind that was chosen.',
  busy: 'The camera or the microphone is in use by another program.',
  'record-failed': (status) => `The recording could not be changed: the address of the link has answered ${status}.`,
  'no-room': 'There is no such room: check the code.',
  'not-invited': 'You are not invited to this room.',
  full: 'The room is full.',
  closed: 'The room takes nobody at the moment.',
  'master-absent': 'The host has not come yet.',
  'joined-elsewhere': 'This user ID is in the room already: choose another one.',
  'may-not-publish': 'You may watch and listen in this room, and not be seen or heard.',
  'not-let-in': 'The room does not let you in.',
  'no-codec-in-common': 'This browser has no codec in common with the server.',
  unreachable: 'The room cannot be reached: is the network there?',
  other_: (message) => message,
}

const ZH = {
  title: '房间',
  code: '邀请码或房间 ID',
  name: '你的用户 ID',
  token: '频道令牌（应用要求时填写）',
  'join-with': '加入时开启',
  camera: '摄像头',
  microphone: '麦克风',
  join: '加入',
  people: '成员',
  chat: '聊天',
  message: '消息',
  send: '发送',
  screen: '共享屏幕',
  record: '录制',
  leave: '离开',
  own: (name) => `${name}（你）`,
  'own-screen': (name) => `${name}（你）：屏幕`,
  other: (name) => name,
  'other-screen': (name) => `${name}：屏幕`,
  said: (name, text) => `${name}：${text}`,
  server: '服务器',
  controls: '控制',
  muted: '已静音',
  alone: (code) => `还没有其他人。其他人可用 ${code} 加入。`,
  'no-messages': '还没有人发消息。',
  play: '播放声音',
  retry: '重试',
  blocked: '按下按钮后，浏览器才会播放声音。',
  failed: '无法连接媒体：可能被防火墙阻止。',
  'gone-audio': '麦克风已断开。请接上麦克风，然后重新打开。',
  'gone-camera': '摄像头已断开。请接上摄像头，然后重新打开。',
  'server-failed': '服务器出错：请重试。',
  'no-connection': '当前网络无法建立媒体连接。',
  'too-many-connections': '房间或服务器已满。',
  'not-in-room': '你已被移出房间。',
  joining: '正在加入……',
  connected: '已连接',
  connecting: '正在连接媒体……',
  reconnecting: '连接中断，正在重连……',
  left: '你已离开房间。',
  insecure: '浏览器只允许 https 页面以及 http://localhost、http://127.0.0.1 的页面使用摄像头、麦克风和屏幕。',
  denied: '浏览器未获准使用摄像头、麦克风或屏幕：请在地址栏中允许，然后重试。',
  missing: '没有找到所选的摄像头或麦克风。',
  busy: '摄像头或麦克风正被其他程序占用。',
  'record-failed': (status) => `无法更改录制：链接中的地址返回 ${status}。`,
  'no-room': '没有这个房间：请检查邀请码。',
  'not-invited': '你没有被邀请加入这个房间。',
  full: '房间已满。',
  closed: '房间目前不允许加入。',
  'master-absent': '主持人还没有来。',
  'joined-elsewhere': '这个用户 ID 已在房间中：请换一个。',
  'may-not-publish': '在这个房间里你可以观看和收听，但不能发布音视频。',
  'not-let-in': '房间不允许你加入。',
  'no-codec-in-common': '此浏览器与服务器没有共同的编解码器。',
  unreachable: '无法连接到房间：网络是否正常？',
  other_: (message) => message,
}

const LANGUAGES = { en: EN, zh: ZH }
let chosen = 'en'

/** The words of this name in the chosen language. */
export const word = (name, ...of) => {
  const said = LANGUAGES[chosen][name]
  return typeof said === 'function' ? said(...of) : said
}

/** What is said about a refusal; `message` is the server's own. */
export const refusal = (reason, message) => word(reason) ?? word('other_', message)

/** Has an element say this, in whichever language is chosen. */
export function tell(element, name, ...of) {
  element.dataset.word = name
  element.dataset.of = JSON.stringify(of)
  element.textContent = word(name, ...of)
}

/** Shows the page in a language, or in English if it is another. */
export function choose(language) {
  chosen = language?.toLowerCase().startsWith('zh') ? 'zh' : 'en'
  document.documentElement.lang = chosen === 'zh' ? 'zh-CN' : 'en'
  document.title = `Tapedeck: ${word('title')}`
  for (const element of document.querySelectorAll('[data-word]')) {
    element.textContent = word(element.dataset.word, ...JSON.parse(element.dataset.of ?? '[]'))
  }
  for (const element of document.querySelectorAll('[data-hint]')) element.placeholder = word(element.dataset.hint)
  for (const element of document.querySelectorAll('[data-label]')) element.ariaLabel = word(element.dataset.label)
  // What an empty list says stands in its style sheet, which reads it here.
  for (const element of document.querySelectorAll('[data-empty]')) element.dataset.emptyText = word(element.dataset.empty)
  const other = document.getElementById('language')
  other.lang = chosen === 'zh' ? 'en' : 'zh'
  other.textContent = chosen === 'zh' ? 'English' : '中文'
}

export const otherLanguage = () => (chosen === 'zh' ? 'en' : 'zh')
