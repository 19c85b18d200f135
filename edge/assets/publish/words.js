// What the page says, in English and Chinese.

const EN = {
  title: 'Publish and watch',
  intro:
    'This page publishes your camera, microphone and screen to a channel by WHIP, and plays its other users by WHEP. Whoever records ' +
    'the channel records you.',
  app: 'App ID',
  channel: 'Channel',
  uid: 'User ID',
  token: 'Channel token, if the app asks for one',
  what: 'What is published',
  camera: 'Camera',
  microphone: 'Microphone',
  height: 'Picture',
  publish: 'Publish',
  share: 'Share the screen',
  own: 'What you publish',
  others: 'What arrives',
  watched: 'ID of the user to watch',
  stream: 'Stream',
  watch: 'Watch',
  stop: 'Stop',
  muted: 'Mute the microphone',
  hidden: 'Hide the picture',
  user: (uid, stream) => (stream === 'camera' ? `User ${uid}` : `User ${uid}: ${stream}`),
  connecting: 'Connecting …',
  connected: 'Connected',
  reconnecting: 'The connection is lost: trying again …',
  waiting: 'Nobody publishes this stream yet: waiting …',
  over: 'Over',
  nothing: 'Choose the camera, the microphone, or both.',
  insecure: 'Browsers give camera, microphone and screen only to pages of https and of http://localhost or http://127.0.0.1.',
  denied: 'The browser was not allowed to use the camera, the microphone or the screen: allow it in the address bar, and try again.',
  missing: 'There is no camera or microphone of the kind that was chosen.',
  busy: 'The camera or the microphone is in use by another program.',
  unreachable:
    'The server has accepted the session, but no media comes through: the port of TAPEDECK_RTC_LISTEN has to be open at the node, for UDP ' +
    'and for TCP, and TAPEDECK_RTC_ADDRESS has to be an address that you can reach.',
  ended: 'The server has ended the session: somebody else publishes as this user, the token has ended, or the node is restarting.',
  offline: 'The server does not answer.',
}

const ZH = {
  title: '推流与观看',
  intro: '本页面通过 WHIP 把你的摄像头、麦克风和屏幕推到频道中，并通过 WHEP 播放频道中的其他用户。频道被录制时，你也会被录制。',
  app: 'App ID',
  channel: '频道',
  uid: '用户 ID',
  token: '频道令牌（应用要求时填写）',
  what: '推送内容',
  camera: '摄像头',
  microphone: '麦克风',
  height: '画面',
  publish: '开始推流',
  share: '共享屏幕',
  own: '你推送的内容',
  others: '收到的内容',
  watched: '要观看的用户 ID',
  stream: '流',
  watch: '观看',
  stop: '停止',
  muted: '麦克风静音',
  hidden: '关闭画面',
  user: (uid, stream) => (stream === 'camera' ? `用户 ${uid}` : `用户 ${uid}：${stream}`),
  connecting: '正在连接……',
  connected: '已连接',
  reconnecting: '连接中断，正在重连……',
  waiting: '还没有人推送这个流，正在等待……',
  over: '已结束',
  nothing: '请选择摄像头、麦克风，或两者都选。',
  insecure: '浏览器只允许 https 页面以及 http://localhost、http://127.0.0.1 的页面使用摄像头、麦克风和屏幕。',
  denied: '浏览器未获准使用摄像头、麦克风或屏幕：请在地址栏中允许，然后重试。',
  missing: '没有找到所选的摄像头或麦克风。',
  busy: '摄像头或麦克风正被其他程序占用。',
  unreachable:
    '服务器已接受会话，但媒体无法送达：节点的 TAPEDECK_RTC_LISTEN 端口必须同时开放 UDP 和 TCP，并且 TAPEDECK_RTC_ADDRESS 必须是你能访问的地址。',
  ended: '服务器结束了会话：可能有人以同一用户推流、令牌已过期，或节点正在重启。',
  offline: '服务器没有应答。',
}

const LANGUAGES = { en: EN, zh: ZH }
let chosen = 'en'

/** The word of this name in the chosen language. */
export const word = (name) => LANGUAGES[chosen][name]

/** Shows the page in a language, or in English if it is another. */
export function choose(language) {
  chosen = language?.toLowerCase().startsWith('zh') ? 'zh' : 'en'
  document.documentElement.lang = chosen === 'zh' ? 'zh-CN' : 'en'
  document.title = `Tapedeck: ${word('title')}`
  say(document)
  const other = document.getElementById('language')
  other.lang = chosen === 'zh' ? 'en' : 'zh'
  other.textContent = chosen === 'zh' ? 'English' : '中文'
}

export const otherLanguage = () => (chosen === 'zh' ? 'en' : 'zh')

/** Fills in the words of what is below `root`. */
export function say(root) {
  for (const element of root.querySelectorAll('[data-word]')) {
    const said = word(element.dataset.word)
    element.textContent = typeof said === 'function' ? said(...JSON.parse(element.dataset.of)) : said
  }
}
