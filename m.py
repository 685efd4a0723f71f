from PIL import Image
S='/tmp/page_work/shots/'
im=Image.open(S+'index_390_d.png'); a=Image.new('RGB',(2100,1500)); a.paste(im.crop((0,0,390,1500)),(0,0)); 
im=Image.open(S+'play_390_d.png'); a.paste(im.crop((0,200,390,1700)),(400,0)); 
im=Image.open(S+'index_800_d.png'); a.paste(im.crop((0,0,800,1400)),(800,0)); a.save(S+'m.png')
